import CPeftPlugin

/// Where parameters are declared: the whole method (``Plan``) or one site.
public protocol Scope {}

extension Scope {
    /// A tensor that is trained, with its gradient.
    /// - Parameters:
    ///   - name: as it is stored behind the module's path: `lora_A.weight`.
    ///   - learningRateMultiplier: of the run's learning rate.
    public func parameter(
        _ name: String, shape: [Int], init initializer: Initializer, options: TensorOptions = [],
        learningRateMultiplier: Double = 1
    ) -> Value {
        declare(host.parameters.parameter, name, shape, .f32, initializer, options, learningRateMultiplier)
    }

    /// A tensor that only init and update graphs set.
    public func buffer(
        _ name: String, shape: [Int], type: ElementType = .f32, init initializer: Initializer,
        options: TensorOptions = []
    ) -> Value {
        declare(host.parameters.buffer, name, shape, type, initializer, options, 1)
    }

    /// A graph that runs once, before training, and gives ``set(_:to:)`` first values.
    public func initialize(_ body: () -> Void) {
        withGraph(PEFT_GRAPH_INIT) {
            body()
            return []
        }
    }

    /// Init, update and import graphs: the new value of a parameter or buffer, of its shape. All are set when the graph ends:
    /// every read in it sees the values from before.
    public func set(_ parameter: Value, to value: Value) { _ = host.graphs.set(trace, parameter.id, value.plain) }

    /// The token ids of a text, special tokens included: (count) i32. A `count` above 0 cuts them, or repeats them from the
    /// first on. In init graphs, and in a prompt's forward.
    public func tokenIDs(of text: String, count: Int = 0) -> Value {
        Value(host.site.text_ids(trace, text, Int64(count)))
    }
    /// Init graphs: the keys, turned by their positions, that the frozen model computes in a layer for those ids:
    /// (count, key heads, head size).
    public func cachedKeys(of text: String, count: Int = 0, layer: Int) -> Value {
        Value(host.site.text_cache(trace, text, Int64(count), Int64(layer), 0))
    }
    /// Init graphs: the values that the frozen model computes in a layer for those ids: (count, key heads, head size).
    public func cachedValues(of text: String, count: Int = 0, layer: Int) -> Value {
        Value(host.site.text_cache(trace, text, Int64(count), Int64(layer), 1))
    }

    /// The frozen model.
    public var model: Model { Model() }

    /// Notes an error in the method's own words; the first one is what the user reads.
    public func fail(_ message: String) { _ = host.trace.fail(trace, message) }
    /// Tells the user something that is not an error.
    public func warn(_ message: String) { host.trace.warn(trace, message) }

    private typealias Declaration = @convention(c) (OpaquePointer?, UnsafePointer<peft_tensor>?) -> peft_value

    private func declare(
        _ declaration: Declaration, _ name: String, _ shape: [Int], _ type: ElementType, _ initializer: Initializer,
        _ options: TensorOptions, _ learningRateMultiplier: Double
    ) -> Value {
        var tensor = peft_tensor()
        tensor.struct_size = UInt32(MemoryLayout<peft_tensor>.size)
        tensor.dtype = type.rawValue
        tensor.rank = Int32(shape.count)
        (tensor.`init`, tensor.init_a, tensor.init_b) = initializer.coded
        tensor.flags = options.rawValue
        tensor.learning_rate_multiplier = learningRateMultiplier
        return name.withCString { name in
            shape.map { Int64($0) }.withUnsafeBufferPointer { shape in
                tensor.name = name
                tensor.shape = shape.baseAddress
                return Value(declaration(trace, &tensor))
            }
        }
    }
}

/// First values of parameters and buffers. Random ones depend on the seed, the method, the module and the name alone.
public enum Initializer: Sendable {
    case zeros
    case ones
    case constant(Double)
    /// In low ..< high.
    case uniform(low: Double, high: Double)
    case normal(mean: Double = 0, deviation: Double)
    /// U(±√(6 / ((1 + a²) · shape[1]))) (He et al. 2015).
    case kaimingUniform(a: Double)
    /// ``Scope/initialize(_:)`` sets it.
    case graph

    /// PEFT_INIT_… and its two numbers.
    var coded: (Int32, Double, Double) {
        switch self {
        case .zeros: (PEFT_INIT_ZEROS, 0, 0)
        case .ones: (PEFT_INIT_ONES, 0, 0)
        case .constant(let value): (PEFT_INIT_CONSTANT, value, 0)
        case .uniform(let low, let high): (PEFT_INIT_UNIFORM, low, high)
        case .normal(let mean, let deviation): (PEFT_INIT_NORMAL, mean, deviation)
        case .kaimingUniform(let a): (PEFT_INIT_KAIMING_UNIFORM, a, 0)
        case .graph: (PEFT_INIT_GRAPH, 0, 0)
        }
    }
}

public struct TensorOptions: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Weight decay leaves it alone, whatever the user asks.
    public static let noDecay = TensorOptions(rawValue: PEFT_TENSOR_NO_DECAY)
    /// A parameter that is stored like the others but not trained.
    public static let frozen = TensorOptions(rawValue: PEFT_TENSOR_FROZEN)
    /// Needed to go on training only: kept beside the adapter, not inside it.
    public static let sidecar = TensorOptions(rawValue: PEFT_TENSOR_SIDECAR)
}

/// Sizes and names of the frozen model.
public struct Model {
    public var layers: Int { size(PEFT_MODEL_LAYERS) }
    public var hiddenSize: Int { size(PEFT_MODEL_HIDDEN_SIZE) }
    public var intermediateSize: Int { size(PEFT_MODEL_INTERMEDIATE_SIZE) }
    public var heads: Int { size(PEFT_MODEL_HEADS) }
    public var keyHeads: Int { size(PEFT_MODEL_KEY_HEADS) }
    public var headSize: Int { size(PEFT_MODEL_HEAD_SIZE) }
    public var vocabulary: Int { size(PEFT_MODEL_VOCABULARY) }
    public var context: Int { size(PEFT_MODEL_CONTEXT) }
    /// Classes of a classification head; 0 without one.
    public var labels: Int { size(PEFT_MODEL_LABELS) }
    /// Hugging Face's `model_type`: `llama`.
    public var type: String { text(host.model.type(trace)) }
    /// Hugging Face's `task_type`: `CAUSAL_LM` or `SEQ_CLS`.
    public var task: String { text(host.model.task(trace)) }

    private func size(_ which: Int32) -> Int { Int(host.model.size(trace, which)) }
}
