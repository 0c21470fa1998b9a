import Engine
import Formats
import Foundation
import Programs

/// A frozen model: its shape, and its tensors where they lie in the file, under Hugging Face's names.
package final class Model {
    package let path: String
    package let configuration: LlamaConfiguration
    /// Whether the weights come with a classification head of their own, which training then starts from.
    private let gguf: GGUF?
    private let table: TensorTable
    private var opened: [String: FrozenTensor] = [:]
    /// What stands in the place of tensors of the file: see ``quantize(_:folder:progress:warn:)``.
    private var quantized: [String: FrozenTensor] = [:]
    package private(set) var quantization = Quantization.none

    /// Opens a GGUF file, or a Hugging Face folder with `config.json` and safetensors.
    ///
    /// - Throws: `ModelError` or `FormatError`; every tensor that the architecture needs is looked up before this returns,
    ///   but for the language-model head of a classifier, which files of one do not have.
    package init(_ path: String) throws {
        self.path = path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw ModelError(
                "there is no such model", place: path,
                remedy: "give a GGUF file, or a folder with config.json and safetensors")
        }
        if isFolder.boolValue {
            let file = path + "/config.json"
            configuration = try LlamaConfiguration(
                config: JSON.parse(MappedFile.content(file), place: file), place: file)
            table = try Safetensors(folder: path).tensors
            gguf = nil
        } else {
            let file = try GGUF(path)
            configuration = try LlamaConfiguration(file)
            table = file.tensors
            gguf = file
        }
        for (name, shape) in tensors { _ = try tensor(name, shape: shape) }
        try refuseStrays()
    }

    /// `model` with float32 tensors in the place of some of its own, which stay as they are.
    ///
    /// - Parameter replaced: by Hugging Face's names. A head of its own unties one that was the embedding table.
    init(_ model: Model, replaced: [String: FrozenTensor]) {
        (path, gguf, table) = (model.path, model.gguf, model.table)
        var configuration = model.configuration
        if replaced["lm_head.weight"] != nil { configuration.isTied = false }
        self.configuration = configuration
        let kept = model.opened.filter { name, _ in !replaced.keys.contains { name.hasPrefix($0) } }
        opened = kept.merging(replaced) { $1 }
        quantized = model.quantized.filter { replaced[$0.key] == nil }
        quantization = model.quantization
    }

    /// All tensors of the architecture that the files must hold: a classifier's need no language-model head.
    package var tensors: [(name: String, shape: [Int])] {
        configuration.tensors.filter { !($0.name == "lm_head.weight" && has("score.weight")) }
    }

    /// A tensor that nothing uses belongs to a model of another architecture, which would run and compute other numbers.
    ///
    /// - Throws: `ModelError` that names the first.
    private func refuseStrays() throws(ModelError) {
        var used = Set(configuration.tensors.map { storedName($0.name) })
        // transformers ignores the head beside tied embeddings, too; the divisors are read with the configuration.
        used.formUnion(gguf == nil ? ["score.weight", "lm_head.weight"] : ["rope_freqs.weight"])
        let stray = table.first { !used.contains($0.name) && !$0.name.hasSuffix("rotary_emb.inv_freq") }
        guard let stray else { return }
        throw ModelError(
            "the tensor \"\(stray.name)\" has no place in a \(configuration.modelType) model of this configuration",
            place: path, remedy: "the file belongs to another architecture, or to another configuration")
    }

    /// The name that the file gives to a tensor.
    private func storedName(_ name: String) -> String? {
        if gguf != nil { return configuration.ggufName(name) }
        // A bare model (without the head's class around it) has no "model." in front.
        let bare = String(name.dropFirst("model.".count))
        return table[name] == nil && name.hasPrefix("model.") && table[bare] != nil ? bare : name
    }

    package var ggufMetadata: GGUF? { gguf }

    /// How the file stores the tensor of that Hugging Face name; nil where it has none of its own (a tied head).
    func storageType(_ name: String) -> StorageType? { storedName(name).flatMap { table[$0]?.type } }

    /// The tensor of that Hugging Face name, as the model computes with it.
    ///
    /// - Throws: `FormatError` where it is missing or has another shape.
    package func tensor(_ name: String, shape: [Int]) throws -> FrozenTensor {
        if let tensor = quantized[name] { return tensor }
        let tensor = try original(name, shape: shape)
        opened[name] = tensor
        return tensor
    }

    /// The tensor of that Hugging Face name, as it is stored in the file.
    ///
    /// - Throws: as ``tensor(_:shape:)``.
    package func original(_ name: String, shape: [Int]) throws -> FrozenTensor {
        if let tensor = opened[name] { return tensor }
        if configuration.isTied, name.hasPrefix(LlamaConfiguration.head + ".weight") {
            let tail = name.dropFirst(LlamaConfiguration.head.count)
            return try tensor(LlamaConfiguration.embedding + tail, shape: shape)
        }
        if let norms = try TensorNorms.tensor(name, of: self) {
            opened[name] = norms
            return norms
        }
        guard let stored = storedName(name) else {
            throw ModelError("there is no tensor \"\(name)\" in a GGUF file", place: path)
        }
        let weight = try table.weight(stored, shape: shape)
        guard gguf != nil, let order = configuration.ggufRowOrder(name, rows: shape[0]) else {
            return FrozenTensor(weight)
        }
        // A copy of its own: the file's bytes are not read again.
        defer { releaseOriginal(name) }
        return FrozenTensor(weight, rowOrder: order)
    }

    /// Puts quantised tensors in the place of the file's.
    func keep(_ tensors: [String: FrozenTensor], as kind: Quantization) {
        quantized = tensors
        quantization = kind
        for name in tensors.keys {
            opened[name] = nil
            releaseOriginal(name)
        }
    }

    /// Gives back the memory of a tensor that was read from its file.
    func releaseOriginal(_ name: String) {
        guard let stored = storedName(name).flatMap({ table[$0] }) else { return }
        stored.file.release(stored.range)
    }

    /// The paths of the files that hold the tensors.
    package var files: [String] { Set(table.map(\.file.path)).sorted() }

    /// Whether the file has a tensor of that Hugging Face name.
    package func has(_ name: String) -> Bool { gguf == nil && table[name] != nil }

    /// The classification head's values (labels, hidden), where the file has one.
    package func score(labels: Int) throws -> [Float]? {
        guard has("score.weight") else { return nil }
        return try tensor("score.weight", shape: [labels, configuration.hiddenSize]).values()
    }

    /// How many labels the file's own classification head has.
    package var scoreLabels: Int? { gguf == nil ? table["score.weight"]?.shape.first : nil }

    /// Bytes of the embedding table.
    package var tableBytes: Int { opened[LlamaConfiguration.embedding + ".weight"]?.bytes ?? 0 }

    /// Bytes of all tensors that the architecture uses.
    package var weightBytes: Int {
        [opened, quantized].reduce(0) { $1.values.reduce($0) { $0 + $1.bytes } }
    }

    /// Storage types and how many tensors have each, for people.
    package var storage: [(type: String, tensors: Int)] {
        let replaced = Set(quantized.keys.map(storedName))
        return Dictionary(grouping: table) { replaced.contains($0.name) ? quantization.name : $0.type.name }
            .map { ($0.key, $0.value.count) }.sorted { $0.type < $1.type }
    }
}

extension LlamaConfiguration {
    /// All tensors of the frozen model with their shapes: Hugging Face's names.
    package var tensors: [(name: String, shape: [Int])] {
        var all = [(Self.embedding + ".weight", [vocabulary, hiddenSize])]
        for layer in 0..<layers {
            let prefix = "model.layers.\(layer)."
            for linear in linears {
                all.append((prefix + linear.name + ".weight", [linear.outputs, linear.inputs]))
                if linear.hasBias { all.append((prefix + linear.name + ".bias", [linear.outputs])) }
            }
            all.append((prefix + "input_layernorm.weight", [hiddenSize]))
            all.append((prefix + "post_attention_layernorm.weight", [hiddenSize]))
        }
        all.append(("model.norm.weight", [hiddenSize]))
        if !isTied { all.append(("lm_head.weight", [vocabulary, hiddenSize])) }
        return all
    }

    /// The seven linear layers of a block.
    package var linears: [(name: String, role: SiteRole, inputs: Int, outputs: Int, hasBias: Bool)] {
        let (queries, keys) = (heads * headSize, keyHeads * headSize)
        return [
            ("self_attn.q_proj", .query, hiddenSize, queries, hasQueryBias),
            ("self_attn.k_proj", .key, hiddenSize, keys, hasKeyBias),
            ("self_attn.v_proj", .value, hiddenSize, keys, hasValueBias),
            ("self_attn.o_proj", .attentionOutput, queries, hiddenSize, hasOutputBias),
            ("mlp.gate_proj", .gate, hiddenSize, intermediateSize, hasMLPBias),
            ("mlp.up_proj", .up, hiddenSize, intermediateSize, hasMLPBias),
            ("mlp.down_proj", .down, intermediateSize, hiddenSize, hasMLPBias),
        ]
    }

    /// Parameters of the bare model (without an untied head), and of the head where it has its own.
    package var parameterCount: (base: Int, head: Int) {
        let all = tensors.map { (name: $0.name, count: $0.shape.reduce(1, *)) }
        let head = all.filter { $0.name == "lm_head.weight" }.reduce(0) { $0 + $1.count }
        return (all.reduce(0) { $0 + $1.count } - head, head)
    }

    /// The module of the embedding table.
    static let embedding = "model.embed_tokens"
    /// The module of the language-model head; where it is tied, its weight is the embedding table.
    static let head = "lm_head"

    /// Where a method can stand, kind by kind in the model's order: every linear layer, the embedding, the start of every
    /// row, every attention, both branches of every block, and every tensor as one that can be trained itself.
    ///
    /// - Parameter task: a classifier has no use for a language-model head.
    package func sites(for task: Task) -> [SiteDescription] {
        let linear = (0..<layers).flatMap { layer in
            linears.map {
                SiteDescription(
                    .linear, $0.role, layer: layer, module: "model.layers.\(layer).\($0.name)", inputs: $0.inputs,
                    outputs: $0.outputs, hasBias: $0.hasBias)
            }
        }
        let head = SiteDescription(
            .linear, .head, layer: -1, module: Self.head, inputs: hiddenSize, outputs: vocabulary)
        let table = SiteDescription(
            .embedding, .embedding, layer: -1, module: Self.embedding, inputs: vocabulary, outputs: hiddenSize)
        let prompt = site(.prompt, .prompt, "prompt_encoder", layer: -1)
        let attentions = (0..<layers).map { layer in
            var site = site(.attention, .attention, "model.layers.\(layer).self_attn", layer: layer)
            (site.headCount, site.keyHeadCount, site.headSize) = (heads, keyHeads, headSize)
            return site
        }
        let blocks = (0..<layers).flatMap { layer in
            [
                site(.block, .attention, "model.layers.\(layer).self_attn", layer: layer),
                site(.block, .mlp, "model.layers.\(layer).mlp", layer: layer),
            ]
        }
        let weights = tensors.filter { task == .causalLM || $0.name != "lm_head.weight" }.map(weightSite)
        return linear + (task == .causalLM ? [head] : []) + [table, prompt] + attentions + blocks + weights
    }

    private func site(_ kind: SiteKind, _ role: SiteRole, _ module: String, layer: Int) -> SiteDescription {
        SiteDescription(kind, role, layer: layer, module: module, inputs: hiddenSize, outputs: hiddenSize)
    }

    func weightSite(_ name: String, _ shape: [Int]) -> SiteDescription {
        let parts = name.split(separator: ".").map(String.init)
        let layer = name.hasPrefix("model.layers.") ? Int(parts[2]) ?? -1 : -1
        let role: SiteRole =
            if parts.last == "bias" {
                .bias
            } else if name.contains("norm") {
                .norm
            } else if let linear = linears.first(where: { name.hasSuffix(".\($0.name).weight") }) {
                linear.role
            } else {
                name == "lm_head.weight" ? .head : .embedding
            }
        var site = site(.weight, role, name, layer: layer)
        site.shape = shape
        return site
    }

    /// The name that GGUF files give to a tensor.
    package func ggufName(_ name: String) -> String? {
        switch name {
        case "model.embed_tokens.weight": return "token_embd.weight"
        case "model.norm.weight": return "output_norm.weight"
        case "lm_head.weight": return "output.weight"
        default: break
        }
        let parts = name.split(separator: ".")
        guard parts.count >= 5, name.hasPrefix("model.layers."), let kind = parts.last else { return nil }
        let module = parts[3..<(parts.count - 1)].joined(separator: ".")
        let known = [
            "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
            "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
            "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
        ]
        return known[module].map { "blk.\(parts[2]).\($0).\(kind)" }
    }

    /// GGUF files keep the rows of the query and key projections of each head as interleaved pairs: row 2i + j of a head
    /// is row i + j·(headSize / 2) of Hugging Face's. nil where the order is the same.
    package func ggufRowOrder(_ name: String, rows: Int) -> [Int32]? {
        guard name.contains(".q_proj.") || name.contains(".k_proj.") else { return nil }
        let half = headSize / 2
        return (0..<rows).map { row in
            let (head, place) = (row / headSize, row % headSize)
            return Int32(head * headSize + place % half * 2 + place / half)
        }
    }
}
