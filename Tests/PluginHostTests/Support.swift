import Foundation
import PluginHost
import Programs

/// Builds the C plugins beside this file with clang.
enum Build {
    static let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Plugins")
    static let header = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources/PluginAPI/C/include")

    /// A new folder that only this user can write to.
    static func folder() throws -> URL {
        let url = FileManager.default.temporaryDirectory.appending(path: "peft-host-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        return url
    }

    struct Failure: Error { var message: String }

    static func clang(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["clang"] + arguments
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(message: "clang \(arguments)") }
    }

    /// - Parameters:
    ///   - manifest: nil links none.
    ///   - folder: a new one where it is nil.
    /// - Returns: the library's path.
    static func plugin(
        _ source: String, _ defines: [String] = [], manifest: PluginDescription?, name: String = "libTest.so",
        in folder: URL? = nil
    ) throws -> String {
        let folder = try folder ?? self.folder()
        var inputs = [sources.appending(path: source).path]
        if let manifest {
            let file = folder.appending(path: "\(name).c")
            try manifest.manifestSource.write(to: file, atomically: true, encoding: .utf8)
            inputs.append(file.path)
        }
        let library = folder.appending(path: name).path
        let flags = ["-shared", "-fPIC", "-std=gnu11", "-Wall", "-Wno-unused-function", "-I", header.path]
        try clang(flags + defines.map { "-D\($0)" } + inputs + ["-o", library, "-lm"])
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: library)
        return library
    }

    static func load(_ path: String) throws -> LoadedPlugin { try LoadedPlugin.load(PluginLibrary(path: path)) }
}

enum Consent {
    /// A folder of settings of the tests' own, in which consent to kernels is kept.
    static let folder: String = {
        let folder = (try? Build.folder().path) ?? "/nowhere"
        setenv("XDG_CONFIG_HOME", folder, 1)
        return folder
    }()
}

extension PluginDescription {
    /// What Plugins/lora.c says of itself.
    static let lora: PluginDescription = {
        var r = Hyperparameter("r", .integer, default: .integer(8))
        (r.minimum, r.maximum, r.patternField, r.summary) = (1, 1024, "rank_pattern", "rank")
        var alpha = Hyperparameter("lora_alpha", .number, default: .number(8))
        (alpha.patternField, alpha.summary) = ("alpha_pattern", "scale")
        var dropout = Hyperparameter("lora_dropout", .number, default: .number(0))
        (dropout.minimum, dropout.maximum, dropout.summary) = (0, 0.99, "dropout")
        var lora = PluginDescription(id: "LoRA", peftType: "LORA", version: "1.0.0")
        lora.license = "Apache-2.0"
        lora.summary = "Low-rank \"update\"?"
        lora.paper = "Hu et al. 2021, arXiv:2106.09685"
        lora.capabilities = [.merge, .identityAtInit]
        lora.siteKinds = [.linear]
        lora.defaultRoles = [.query, .value]
        lora.hyperparameters = [r, alpha, dropout]
        return lora
    }()

    /// What Plugins/broken.c says of itself.
    static let broken: PluginDescription = {
        var r = Hyperparameter("r", .integer, default: .integer(8))
        (r.minimum, r.maximum, r.summary) = (1, 1024, "rank")
        var broken = PluginDescription(id: "Broken", peftType: "BROKEN", version: "1")
        broken.siteKinds = [.linear]
        broken.defaultRoles = [.query, .value]
        broken.hyperparameters = [r]
        return broken
    }()
}

/// A model of two layers with grouped-query attention: hidden 8, keys and values 4, inner 12.
enum TinyModel {
    static let description = ModelDescription(
        type: "llama", layers: 2, hiddenSize: 8, intermediateSize: 12, heads: 4, keyHeads: 2, headSize: 2,
        vocabulary: 32, context: 64)

    static let sites: [SiteDescription] = {
        var sites: [SiteDescription] = []
        for layer in 0..<2 {
            func add(_ name: String, _ role: SiteRole, _ inputs: Int, _ outputs: Int) {
                sites.append(
                    SiteDescription(
                        .linear, role, layer: layer, module: "model.layers.\(layer).\(name)", inputs: inputs,
                        outputs: outputs))
            }
            add("self_attn.q_proj", .query, 8, 8)
            add("self_attn.k_proj", .key, 8, 4)
            add("self_attn.v_proj", .value, 8, 4)
            add("self_attn.o_proj", .attentionOutput, 8, 8)
            add("mlp.gate_proj", .gate, 8, 12)
            add("mlp.up_proj", .up, 8, 12)
            add("mlp.down_proj", .down, 12, 8)
        }
        return sites + [SiteDescription(.linear, .head, layer: -1, module: "score", inputs: 8, outputs: 2)]
    }()
}

/// The method that a plugin gives for the tiny model.
func traceTiny(_ plugin: any TraceablePlugin, _ options: [(name: String, text: String)] = []) throws -> MethodProgram {
    let settings = try Settings(plugin.description, options: options)
    return try trace(
        plugin, settings, model: TinyModel.description, sites: TinyModel.sites, task: "SEQ_CLS", labels: 2)
}
