import Formats
import Models
import Programs

/// The files of plain LoRA, for programs that know nothing else. All scales are in b.
package struct PlainLoRA {
    private let update: LowRankUpdate
    private let base: LlamaConfiguration
    private let basePath: String
    private let task: Task

    /// - Parameter update: its ranks may differ; the files have the largest.
    package init(_ update: LowRankUpdate, base: LlamaConfiguration, basePath: String, task: Task) {
        self.update = update.padded()
        (self.base, self.basePath, self.task) = (base, basePath, task)
    }

    /// What the layers' paths end with, where these name all of the layers and no others; else the paths themselves.
    private var targets: [String] {
        let paths = update.layers.map(\.module)
        let names = Set(paths.map { String($0.split(separator: ".").last ?? "") })
        let named = base.sites(for: .causalLM).filter { site in
            site.kind == .linear && names.contains(String(site.module.split(separator: ".").last ?? ""))
        }
        return Set(named.map(\.module)) == Set(paths) ? names.sorted() : paths
    }

    /// Writes an adapter folder for PEFT, vLLM and what converts from them: one rank, no other scale than 1.
    package func writeFolder(_ folder: String) throws {
        try Folder.make(folder)
        var tensors = update.layers.flatMap { layer -> [SafetensorsWriter.Tensor] in
            let name = "base_model.model.\(layer.module)"
            return [
                .init("\(name).lora_A.weight", shape: [layer.rank, layer.inputs], .floats(layer.a)),
                .init("\(name).lora_B.weight", shape: [layer.outputs, layer.rank], .floats(layer.b)),
            ]
        }
        if let head = update.head { tensors.append(head) }
        let rank = JSON.integer(Int64(Swift.max(update.rank, 1)))
        let configuration: JSON = [
            "alpha_pattern": [:], "base_model_name_or_path": .string(basePath), "bias": "none", "fan_in_fan_out": false,
            "inference_mode": true, "init_lora_weights": true, "lora_alpha": rank, "lora_dropout": 0.0,
            "modules_to_save": update.head == nil ? nil : ["classifier", "score"], "peft_type": "LORA",
            "peft_version": "0.21.2", "r": rank, "rank_pattern": [:], "revision": nil,
            "target_modules": .array(targets.map(JSON.string)), "task_type": .string(task.name), "use_dora": false,
            "use_rslora": false,
        ]
        try SafetensorsWriter.write(tensors, to: folder + "/adapter_model.safetensors")
        try AtomicFile.write(configuration.text(indent: 2), to: folder + "/adapter_config.json")
    }

    /// Writes an adapter for llama.cpp: `--lora FILE`.
    ///
    /// - Throws: `AdapterError` for a classifier, which it does not have.
    package func writeGGUF(_ path: String) throws {
        guard update.head == nil else {
            throw AdapterError(
                "llama.cpp has no classification heads", place: path, remedy: "write a folder with --portable instead")
        }
        // With an alpha of 0 llama.cpp multiplies by what its user asks for alone.
        let metadata: [(String, GGUFWriter.Value)] = [
            ("general.architecture", .string("llama")), ("general.type", .string("adapter")),
            ("adapter.type", .string("lora")), ("adapter.lora.alpha", .float32(0)),
        ]
        let tensors = update.layers.flatMap { layer -> [GGUFWriter.Tensor] in
            let weight = "\(layer.module).weight"
            let name = base.ggufName(weight) ?? weight
            var b = layer.b
            if let order = base.ggufRowOrder(weight, rows: layer.outputs) {
                for (row, from) in order.enumerated() {
                    let (to, row) = (Int(from) * layer.rank, row * layer.rank)
                    b.replaceSubrange(to..<to + layer.rank, with: layer.b[row..<row + layer.rank])
                }
            }
            return [
                GGUFWriter.Tensor("\(name).lora_a", shape: [layer.rank, layer.inputs], .f32) { layer.a.littleEndian },
                GGUFWriter.Tensor("\(name).lora_b", shape: [layer.outputs, layer.rank], .f32) { [b] in b.littleEndian },
            ]
        }
        try GGUFWriter.write(metadata, tensors, to: path)
    }

    /// Writes an adapter folder for MLX, whose factors are the transposes.
    ///
    /// - Throws: `AdapterError` for a classifier, which it does not have.
    package func writeMLX(_ folder: String) throws {
        guard update.head == nil else {
            throw AdapterError(
                "MLX has no classification heads", place: folder, remedy: "write a folder with --portable instead")
        }
        try Folder.make(folder)
        let tensors = update.layers.flatMap { layer -> [SafetensorsWriter.Tensor] in
            [
                .init(
                    "\(layer.module).lora_a", shape: [layer.inputs, layer.rank],
                    .floats(layer.a.transposed(layer.inputs))),
                .init(
                    "\(layer.module).lora_b", shape: [layer.rank, layer.outputs],
                    .floats(layer.b.transposed(layer.rank))),
            ]
        }
        // The part of a path behind the layer's number.
        let keys = Set(update.layers.map { $0.module.split(separator: ".").dropFirst(3).joined(separator: ".") })
        let configuration: JSON = [
            "fine_tune_type": "lora", "num_layers": .integer(Int64(base.layers)),
            "lora_parameters": [
                "rank": .integer(Int64(Swift.max(update.rank, 1))), "scale": 1.0, "dropout": 0.0,
                "keys": .array(keys.sorted().map(JSON.string)),
            ],
        ]
        try SafetensorsWriter.write(tensors, metadata: [:], to: folder + "/adapters.safetensors")
        try AtomicFile.write(configuration.text(indent: 2), to: folder + "/adapter_config.json")
    }
}

extension [Float] {
    fileprivate var littleEndian: [UInt8] { withUnsafeBytes(Array<UInt8>.init) }

    /// A matrix of rows of that length, turned.
    func transposed(_ columns: Int) -> [Float] {
        let rows = count / Swift.max(columns, 1)
        return (0..<count).map { self[$0 % rows * columns + $0 / rows] }
    }
}
