/// How a tensor gets its first values. Raw kinds are the plugin interface's.
package enum Initializer: Hashable, Sendable {
    case zeros
    case ones
    case constant(Double)
    /// In [low, high).
    case uniform(low: Double, high: Double)
    case normal(mean: Double, deviation: Double)
    /// U(±√(6 / ((1 + a²) · shape[1]))) (He et al. 2015).
    case kaimingUniform(a: Double)
    /// Set by the init graph.
    case graph
}

/// A parameter or buffer of a method.
package struct TensorDeclaration: Hashable, Sendable {
    /// As it is stored behind the module's path: `lora_A.weight`.
    package var name: String
    /// Of a fixed size.
    package var type: TensorType
    package var initializer: Initializer
    package var isBuffer = false
    /// A parameter that is stored like the others but not trained.
    package var isFrozen = false
    package var hasWeightDecay = true
    /// Needed to go on training only: kept beside the adapter.
    package var isSidecar = false
    package var learningRateMultiplier = 1.0

    package init(_ name: String, _ type: TensorType, _ initializer: Initializer) {
        self.name = name
        self.type = type
        self.initializer = initializer
    }

    package var isTrained: Bool { !isBuffer && !isFrozen }
}

/// New values for tensors: `graph.outputs[i]` goes to tensor `targets[i]`, all at once.
package struct Assignment: Hashable, Sendable {
    /// Index into ``MethodProgram/graphs``.
    package var graph: Int
    package var targets: [Int]

    package init(graph: Int, targets: [Int]) {
        self.graph = graph
        self.targets = targets
    }
}

/// What a method is at one site.
///
/// In its graphs `parameter` leaves number the tensors of this site from 0; from ``MethodProgram/methodTensors`` on they
/// number the method's own. `argument` leaves are the graph's operands; from ``MethodProgram/preludeResults`` on they are
/// the prelude's results.
package struct SiteProgram: Hashable, Sendable {
    package enum Merge: Hashable, Sendable {
        case graph(Int)
        case refused(reason: String)
    }

    package var site: SiteDescription
    package var tensors: [TensorDeclaration]
    package var initialize: Assignment?
    /// Index into ``MethodProgram/graphs``.
    package var forward: Int
    package var merge: Merge

    package init(
        site: SiteDescription, tensors: [TensorDeclaration], initialize: Assignment?, forward: Int, merge: Merge
    ) {
        self.site = site
        self.tensors = tensors
        self.initialize = initialize
        self.forward = forward
        self.merge = merge
    }
}

/// How a method is stored, where the default does not do. Tensors are numbered as in ``MethodProgram/update``.
package struct ExportMap: Hashable, Sendable {
    package struct Tensor: Hashable, Sendable {
        /// The full stored name.
        package var name: String
        /// Which output of the graph.
        package var output: Int
        package var mask: Mask?
        package var isSidecar: Bool

        package init(name: String, output: Int, mask: Mask? = nil, isSidecar: Bool = false) {
            self.name = name
            self.output = output
            self.mask = mask
            self.isSidecar = isSidecar
        }
    }

    /// Only what lies along `axis` where the output `output` is not 0 is stored: a size known only when run.
    package struct Mask: Hashable, Sendable {
        package var output: Int
        package var axis: Int

        package init(output: Int, axis: Int) {
            self.output = output
            self.axis = axis
        }
    }

    package struct Field: Hashable, Sendable {
        package enum Source: Hashable, Sendable {
            /// JSON text.
            case fixed(String)
            /// The field is left out.
            case omitted
            case output(Int, asBoolean: Bool)
        }
        /// Members separated by `/`.
        package var path: String
        package var source: Source

        package init(path: String, source: Source) {
            self.path = path
            self.source = source
        }
    }

    package var graph: Int
    package var tensors: [Tensor]
    package var fields: [Field]

    package init(graph: Int, tensors: [Tensor], fields: [Field]) {
        self.graph = graph
        self.tensors = tensors
        self.fields = fields
    }

    /// Whether it names the tensors that are kept, all of them: else their default stands.
    package var namesTensors: Bool { tensors.contains { !$0.isSidecar } }
}

/// The way back: `argument` leaf i of the graph is the stored tensor `names[i]`.
package struct ImportMap: Hashable, Sendable {
    package var names: [String]
    package var assignment: Assignment

    package init(names: [String], assignment: Assignment) {
        self.names = names
        self.assignment = assignment
    }
}

/// Everything that a method is, for one model and one choice of hyperparameters: what a plugin's trace gives, what an
/// adapter keeps, what the host runs.
///
/// Graphs over the whole method (`prelude`, `regularizer`, `update`, export and import) number all tensors in one list:
/// the method's own first, then those of the sites in their order. In `update` the `argument` leaf i is the gradient of
/// tensor i.
package struct MethodProgram: Hashable, Sendable {
    /// Where the method's own tensors begin among the `parameter` leaves of a site's graphs.
    package static let methodTensors = 1 << 20
    /// Where the prelude's results begin among the `argument` leaves of a forward graph.
    package static let preludeResults = 1 << 20

    /// One hyperparameter as it was resolved for the whole method: its name and its value as JSON text.
    package struct Setting: Hashable, Sendable {
        package var name: String
        package var json: String

        package init(name: String, json: String) {
            self.name = name
            self.json = json
        }
    }

    /// The plugin's id, `LoRA`: the key of the random streams.
    package var method: String
    package var peftType: String
    package var version: String
    /// Whether its Hugging Face form keeps no classification head.
    package var isWithoutHead = false
    package var settings: [Setting]
    /// Every different graph once.
    package var graphs: [Graph] = []
    package var tensors: [TensorDeclaration] = []
    package var initialize: Assignment?
    package var prelude: Int?
    package var sites: [SiteProgram] = []
    package var regularizer: Int?
    package var update: Assignment?
    package var exportMap: ExportMap?
    package var importMap: ImportMap?

    package init(method: String, peftType: String, version: String, settings: [Setting]) {
        self.method = method
        self.peftType = peftType
        self.version = version
        self.settings = settings
    }

    /// What a tensor is stored as: the method's own, or that of a site. peft wraps the model twice, hence the prefixes.
    private func storedName(_ tensor: TensorDeclaration, at site: SiteDescription) -> String {
        if site.kind == .prompt { return tensor.name }
        if site.isCopy(tensor) { return base + site.tensorNames[0] }
        // Beside a tensor or a block that they come behind, inside of other modules.
        let isBeside = site.kind == .weight || site.kind == .block
        let module = site.module.split(separator: ".").dropLast(isBeside ? 1 : 0).joined(separator: ".")
        return "base_model.model.\(module).\(tensor.name)"
    }

    /// What stands in front of the base's own names. peft wraps the model of a prompt-learning method once only.
    private var base: String {
        let isPromptLearning = ["PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "CPT"]
            .contains(peftType)
        return isPromptLearning ? "base_model." : "base_model.model."
    }

    /// What the classification head is stored as.
    package var headName: String { base + "score.weight" }

    /// All tensors under the names that they are stored by: the method's own, then those of the sites.
    package var storedTensors: [(name: String, declaration: TensorDeclaration)] {
        tensors.map { ("base_model.\($0.name)", $0) }
            + sites.flatMap { site in site.tensors.map { (storedName($0, at: site.site), $0) } }
    }

    /// Buffers that the update changes and that what is trained cannot be run or merged without, by their numbers in
    /// ``storedTensors``. Those that the import map sets have a form of their own.
    package var learnedBuffers: Set<Int> {
        guard let update else { return [] }
        var read = Set(prelude.map { graphs[$0].parameters } ?? [])
        var first = tensors.count
        for site in sites {
            var numbers = graphs[site.forward].parameters
            if case .graph(let merge) = site.merge { numbers += graphs[merge].parameters }
            for number in numbers {
                read.insert(number < Self.methodTensors ? first + number : number - Self.methodTensors)
            }
            first += site.tensors.count
        }
        let stored = storedTensors
        return read.intersection(update.targets).subtracting(importMap?.assignment.targets ?? [])
            .filter { stored[$0].declaration.isBuffer }
    }

    /// The kernels that its graphs call: to run them takes the plugin's library.
    package var kernels: Set<Kernel> {
        Set(graphs.flatMap(\.nodes).filter { $0.op == .call }.compactMap { try? Kernel($0.attributes) })
    }

    /// The graph's number; an equal one that is there already is used again.
    package mutating func add(_ graph: Graph) -> Int {
        let graph = graph.canonical()
        if let index = graphs.firstIndex(of: graph) { return index }
        graphs.append(graph)
        return graphs.count - 1
    }
}

extension Graph {
    /// The numbers of the tensors that it reads.
    fileprivate var parameters: [Int] {
        nodes.filter { $0.op == .parameter }.map { $0.attributes.integers[0] }
    }
}
