import Engine
import Formats
import Models
import PluginHost

/// A change of linear layers from W to W + b a, layer by layer: what plain LoRA is, and what several methods come to.
package struct LowRankUpdate: Sendable {
    package struct Layer: Sendable {
        /// Its path in the model: `model.layers.0.self_attn.q_proj`.
        package let module: String
        package let inputs: Int
        package let outputs: Int
        package var rank: Int
        /// (rank, inputs)
        package var a: [Float]
        /// (outputs, rank), with every scale in it.
        package var b: [Float]
        /// The scale of the adapter that is in b.
        package var scale = 1.0
    }

    /// In the order of their paths.
    package var layers: [Layer]
    /// The head of a classifier (labels, hidden).
    package var head: SafetensorsWriter.Tensor?

    /// What an adapter's files come to, exactly: LoRA of any rank and scale, AdaLoRA as it was pruned, VeRA.
    ///
    /// - Throws: `AdapterError` with the reason where the adapter is more than that, or something else.
    package init(_ adapter: StoredAdapter, base: LlamaConfiguration) throws {
        let reader = LowRankReader(adapter, base)
        switch adapter.peftType {
        case "LORA": layers = try reader.lora()
        case "ADALORA": layers = try reader.adaLoRA()
        case "VERA": layers = try reader.vera()
        case let other:
            throw AdapterError(
                "\(other) is not an update of low rank", place: adapter.folder, remedy: "merge it into its base instead"
            )
        }
        layers.sort { $0.module < $1.module }
        head = try reader.head()
        try reader.refuseOthers()
    }

    init(layers: [Layer], head: SafetensorsWriter.Tensor?) { (self.layers, self.head) = (layers, head) }

    /// The largest rank.
    package var rank: Int { layers.map(\.rank).max() ?? 0 }

    /// The same with one rank everywhere: rows and columns of zeros do not change b a.
    package func padded() -> LowRankUpdate {
        let rank = Swift.max(rank, 1)
        var result = self
        result.layers = layers.map { layer in
            var layer = layer
            layer.a += Array(repeating: 0, count: (rank - layer.rank) * layer.inputs)
            let (old, zeros) = (layer.b, [Float](repeating: 0, count: rank - layer.rank))
            layer.b = []
            for row in 0..<layer.outputs { layer.b += old[row * layer.rank..<(row + 1) * layer.rank] + zeros }
            layer.rank = rank
            return layer
        }
        return result
    }
}

/// Takes an adapter's files apart.
private final class LowRankReader {
    private let adapter: StoredAdapter
    /// The base's linear layers by their paths.
    private let linears: [String: (inputs: Int, outputs: Int)]
    private var used: Set<String> = []
    private static let prefix = "base_model.model."

    init(_ adapter: StoredAdapter, _ base: LlamaConfiguration) {
        self.adapter = adapter
        let sites = base.sites(for: .causalLM).filter { $0.kind == .linear }
        linears = Dictionary(uniqueKeysWithValues: sites.map { ($0.module, ($0.inputs, $0.outputs)) })
    }

    func lora() throws -> [LowRankUpdate.Layer] {
        let config = adapter.configuration
        let (r, alpha) = (config["r"]?.double ?? 8, config["lora_alpha"]?.double ?? 8)
        let (ranks, alphas) = (try patterns("rank_pattern"), try patterns("alpha_pattern"))
        let isRankStabilised = config["use_rslora"]?.bool ?? false
        if config["use_dora"]?.bool == true { throw refusal("DoRA scales whole weights") }
        return try modules("lora_A.weight").map { module in
            var layer = try self.layer(module, a: "lora_A.weight", b: "lora_B.weight")
            let rank = try first(ranks, module) ?? r
            let alpha = try first(alphas, module) ?? alpha
            layer.scale(by: alpha / (isRankStabilised ? rank.squareRoot() : rank))
            return layer
        }
    }

    /// (Zhang et al. 2023): b diag(e) a, of which training has left some.
    func adaLoRA() throws -> [LowRankUpdate.Layer] {
        let config = adapter.configuration
        let rank = config["init_r"]?.double ?? 12
        let alpha = config["lora_alpha"]?.double ?? 8
        return try modules("lora_E").map { module in
            var layer = try self.layer(module, a: "lora_A", b: "lora_B")
            let e = try values("\(module).lora_E", shape: [layer.rank, 1])
            layer.scaleRows(by: e)
            layer.scale(by: (alpha > 0 ? alpha : rank) / (rank + 1e-5))
            return layer
        }
    }

    /// (Kopiczko et al. 2023): diag(λb) B diag(λd) A with one A and B for all layers, of which each takes its part.
    func vera() throws -> [LowRankUpdate.Layer] {
        let (tableA, tableB) = (try shape("base_model.vera_A"), try shape("base_model.vera_B"))
        let a = try values("base_model.vera_A", shape: tableA), b = try values("base_model.vera_B", shape: tableB)
        let rank = tableA[0]
        return try modules("vera_lambda_d").map { module in
            let (path, inputs, outputs) = try linear(module)
            guard inputs <= tableA[1], outputs <= tableB[0], tableB[1] == rank else {
                throw AdapterError("vera_A and vera_B are too small for \(path)", place: adapter.folder)
            }
            let scales = try values("\(module).vera_lambda_b", shape: [outputs])
            var layer = LowRankUpdate.Layer(
                module: path, inputs: inputs, outputs: outputs, rank: rank,
                a: (0..<rank).flatMap { a[$0 * tableA[1]..<$0 * tableA[1] + inputs] },
                b: (0..<outputs).flatMap { row in b[row * rank..<(row + 1) * rank].map { $0 * scales[row] } })
            layer.scaleRows(by: try values("\(module).vera_lambda_d", shape: [rank]))
            return layer
        }
    }

    /// The layer of the base that a module is.
    private func linear(_ module: String) throws -> (path: String, inputs: Int, outputs: Int) {
        let path = String(module.dropFirst(Self.prefix.count))
        guard let linear = linears[path] else {
            throw AdapterError("the base has no linear layer \(path)", place: adapter.folder)
        }
        return (path, linear.inputs, linear.outputs)
    }

    func head() throws -> SafetensorsWriter.Tensor? {
        let name = Self.prefix + "score.weight"
        guard adapter.tensors[name] != nil else { return nil }
        let shape = try shape(name)
        return SafetensorsWriter.Tensor(name, shape: shape, .floats(try values(name, shape: shape)))
    }

    /// - Throws: `AdapterError` where there are tensors that were not asked for.
    func refuseOthers() throws {
        guard let other = adapter.tensors.first(where: { !used.contains($0.name) && $0.elementCount > 0 }) else {
            return
        }
        let reason =
            other.name.contains("lora_embedding") || other.name.contains("embed_tokens")
            ? "it changes the embedding table"
            : other.name.hasSuffix("bias") ? "it trains biases" : "it holds \(other.name)"
        throw refusal(reason)
    }

    private func refusal(_ reason: String) -> AdapterError {
        AdapterError(
            "\(reason), which is more than an update of low rank", place: adapter.folder,
            remedy: "merge it into its base instead")
    }

    // MARK: Tensors

    /// Modules that have a tensor of this name.
    private func modules(_ tail: String) -> [String] {
        adapter.tensors.map(\.name).filter { $0.hasPrefix(Self.prefix) && $0.hasSuffix("." + tail) }
            .map { String($0.dropLast(tail.count + 1)) }
    }

    private func layer(_ module: String, a: String, b: String) throws -> LowRankUpdate.Layer {
        let (path, inputs, outputs) = try linear(module)
        let rank = try shape("\(module).\(a)").first ?? 0
        return LowRankUpdate.Layer(
            module: path, inputs: inputs, outputs: outputs, rank: rank,
            a: try values("\(module).\(a)", shape: [rank, inputs]),
            b: try values("\(module).\(b)", shape: [outputs, rank]))
    }

    private func shape(_ name: String) throws -> [Int] {
        guard let tensor = adapter.tensors[name] else {
            throw AdapterError("\(name) is missing", place: adapter.folder)
        }
        return tensor.shape
    }

    private func values(_ name: String, shape: [Int]) throws -> [Float] {
        used.insert(name)
        let values = FrozenTensor(try adapter.tensors.weight(name, shape: shape)).values()
        guard values.allSatisfy(\.isFinite) else {
            throw AdapterError("\(name) holds numbers that are not finite", place: adapter.folder)
        }
        return values
    }

    // MARK: Patterns

    private func patterns(_ field: String) throws -> [(pattern: ModulePattern, value: Double)] {
        try (adapter.configuration[field]?.members ?? []).map {
            (try ModulePattern(key: $0.key, field: field), $0.value.double ?? .nan)
        }
    }

    private func first(_ patterns: [(pattern: ModulePattern, value: Double)], _ module: String) throws -> Double? {
        let path = String(module.dropFirst(Self.prefix.count))
        return try patterns.first { try $0.pattern.matches(path) }?.value
    }
}

extension LowRankUpdate.Layer {
    mutating func scale(by factor: Double) {
        for index in b.indices { b[index] = Float(Double(b[index]) * factor) }
        scale *= factor
    }

    /// Of a.
    fileprivate mutating func scaleRows(by factors: [Float]) {
        for index in a.indices { a[index] *= factors[index / inputs] }
    }
}
