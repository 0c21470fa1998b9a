import Engine
import Formats
import Models

extension LowRankUpdate {
    /// An adapter of llama.cpp: factors under GGUF's names, rows of queries and keys in its order, one alpha.
    ///
    /// - Throws: `AdapterError` or `FormatError` where it is none, or is for another base.
    package init(gguf path: String, base: LlamaConfiguration) throws {
        let file = try GGUF(path)
        func fail(_ message: String, _ remedy: String = "") -> AdapterError {
            AdapterError(message, place: path, remedy: remedy)
        }
        guard try file.stringIfPresent("general.type") == "adapter", try file.string("adapter.type") == "lora" else {
            throw fail("it is no LoRA adapter", "a whole model is given with --model")
        }
        let alpha = try file.float("adapter.lora.alpha")
        var names = Set(file.tensors.map(\.name))
        let layers = try base.linearModules.compactMap { module -> Layer? in
            let weight = "\(module.name).weight"
            guard let name = base.ggufName(weight), names.remove("\(name).lora_a") != nil else { return nil }
            guard names.remove("\(name).lora_b") != nil else { throw fail("\(name).lora_b is missing") }
            var layer = Layer(module, rank: file.tensors["\(name).lora_a"]?.shape.first ?? 0)
            layer.a = try file.tensors.finite("\(name).lora_a", [layer.rank, layer.inputs])
            let b = try file.tensors.finite("\(name).lora_b", [layer.outputs, layer.rank])
            let order = base.ggufRowOrder(weight, rows: layer.outputs) ?? (0..<layer.outputs).map { Int32($0) }
            layer.b = order.flatMap { b[Int($0) * layer.rank..<(Int($0) + 1) * layer.rank] }
            // With an alpha of 0 there is no scale.
            if alpha != 0 { layer.scale(by: alpha / Double(layer.rank)) }
            return layer
        }
        if let other = names.sorted().first {
            throw fail(
                "the tensor \(other) belongs to no linear layer of the base", "give the base that it was trained on")
        }
        self.init(layers: layers, head: nil)
    }

    /// An adapter of MLX: factors that are the transposes, one scale.
    ///
    /// - Throws: `AdapterError` or `FormatError` where it is none, or is for another base.
    package init(mlx folder: String, configuration: JSON, base: LlamaConfiguration) throws {
        func fail(_ message: String, _ remedy: String = "") -> AdapterError {
            AdapterError(message, place: folder, remedy: remedy)
        }
        guard configuration["fine_tune_type"]?.string == "lora" else {
            throw fail("its fine_tune_type is \(configuration["fine_tune_type"]?.text() ?? "missing"), not \"lora\"")
        }
        guard let scale = configuration["lora_parameters"]?["scale"]?.double else {
            throw fail("its configuration has no lora_parameters.scale")
        }
        let tensors = try Safetensors(file: folder + "/adapters.safetensors").tensors
        var names = Set(tensors.map(\.name))
        let layers = try base.linearModules.compactMap { module -> Layer? in
            guard names.remove("\(module.name).lora_a") != nil else { return nil }
            guard names.remove("\(module.name).lora_b") != nil else { throw fail("\(module.name).lora_b is missing") }
            var layer = Layer(module, rank: tensors["\(module.name).lora_a"]?.shape.last ?? 0)
            layer.a = try tensors.finite("\(module.name).lora_a", [layer.inputs, layer.rank]).transposed(layer.rank)
            layer.b = try tensors.finite("\(module.name).lora_b", [layer.rank, layer.outputs]).transposed(layer.outputs)
            layer.scale(by: scale)
            return layer
        }
        if let other = names.sorted().first {
            throw fail(
                "the tensor \(other) belongs to no linear layer of the base", "give the base that it was trained on")
        }
        self.init(layers: layers, head: nil)
    }
}

extension LowRankUpdate.Layer {
    fileprivate init(_ module: LinearModule, rank: Int) {
        self.init(module: module.name, inputs: module.inputs, outputs: module.outputs, rank: rank, a: [], b: [])
    }
}

private typealias LinearModule = (name: String, inputs: Int, outputs: Int)

extension LlamaConfiguration {
    /// Its linear layers, in the order of their paths.
    fileprivate var linearModules: [LinearModule] {
        sites(for: .causalLM).filter { $0.kind == .linear }.map { ($0.module, $0.inputs, $0.outputs) }
            .sorted { $0.0 < $1.0 }
    }
}

extension TensorTable {
    /// The values of a tensor of that shape, as float32.
    fileprivate func finite(_ name: String, _ shape: [Int]) throws -> [Float] {
        let values = FrozenTensor(try weight(name, shape: shape)).values()
        guard values.allSatisfy(\.isFinite) else {
            throw AdapterError("\(name) holds numbers that are not finite", place: place)
        }
        return values
    }
}
