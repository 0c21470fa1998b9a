import Formats
import Foundation
import Models
import PluginHost
import Programs
import TestSupport
import Testing

/// Hostile files and settings: whatever they hold gives a description or an error, soon, and leaves nothing open. A crash
/// ends the test run. Every case follows from its number.
@Suite(.serialized) struct HostilePluginTests {
    /// What one case may take, on a machine that is busy with other tests.
    private static let patience = Duration.seconds(10)

    private func soon(_ name: String, _ body: () throws -> Void) rethrows {
        let time = try ContinuousClock().measure(body)
        #expect(time < Self.patience, "\(name) took \(time)")
    }

    private static var openFiles: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
    }

    /// Libraries of this build, which lie beside the test bundle.
    private static func built(_ name: String) throws -> PluginLibrary {
        let folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        return try PluginLibrary(path: folder.appending(path: "lib\(name).so").path)
    }

    private static let methods = [
        "AdaLoRA", "BottleneckAdapter", "FullFineTuning", "IA3", "LlamaAdapter", "LoRA", "PTuning", "PrefixTuning",
        "PromptTuning",
    ]

    @Test func libraries() throws {
        let small = [UInt8](try Data(contentsOf: URL(filePath: Build.plugin("lora.c", manifest: .lora))))
        let large = [UInt8](try Data(contentsOf: URL(filePath: Self.built("IA3").path)))
        let folder = try Build.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        var readable = 0
        for seed in 0..<1000 {
            var random = Seeded(seed)
            let file = MutatedLibrary(seed % 20 == 0 ? large : small, &random)
            let path = folder.appending(path: "\(seed % 50).so").path
            let isWritten = FileManager.default.createFile(
                atPath: path, contents: Data(file.bytes), attributes: [.posixPermissions: 0o700])
            try #require(isWritten)
            soon("library \(seed)") { if (try? PluginLibrary(path: path)) != nil { readable += 1 } }
            guard seed % 50 == 49 else { continue }
            let before = Self.openFiles
            let search = PluginSearch(pluginPaths: [folder.path], environment: [:], executable: "")
            soon("list \(seed)") { #expect(search.list().count == 50) }
            soon("find \(seed)") { _ = try? search.find("LoRA") }
            #expect(Self.openFiles <= before + 8)
        }
        // The changes are neither harmless nor all fatal.
        #expect((100...900).contains(readable), "\(readable)")
    }

    /// Every section and every symbol has a name that has no end, as many as the tables can hold: the work stays that of
    /// the file's size.
    @Test(arguments: [UInt8(ascii: " "), 0]) func namesWithoutEnd(end: UInt8) throws {
        let (sections, size) = (0xFF00, 24 << 20)
        func number(_ value: Int, _ size: Int) -> [UInt8] {
            (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + Array(repeating: 0, count: 9)
        bytes += number(3, 2) + number(62, 2) + Array(repeating: 0, count: 20) + number(64, 8)
        bytes += Array(repeating: 0, count: 10) + number(64, 2) + number(sections, 2) + number(0, 2)
        #expect(bytes.count == 64)
        // Each is the table of names, and one of symbols whose strings it holds.
        let section =
            number(1, 4) + number(11, 4) + number(0, 16) + number(64 + sections * 64, 8) + number(size, 8)
            + number(0, 24)
        for _ in 0..<sections { bytes += section }
        // A global symbol named by what lies at 0x010101; a NUL now and then gives it an end.
        let symbol: [UInt8] = [1, 1, 1, 0x00, 0x20, 0x20] + Array(repeating: 1, count: 18)
        let (endless, ended) = (symbol.map { $0 == 0 ? 1 : $0 }, symbol)
        for _ in 0..<(size / 24) { bytes += end == 0 ? ended : endless }
        let file = try Build.folder().appending(path: "long.so")
        let mode: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
        try #require(FileManager.default.createFile(atPath: file.path, contents: Data(bytes), attributes: mode))
        defer { try? FileManager.default.removeItem(at: file.deletingLastPathComponent()) }
        soon("a long name") { #expect(throws: PluginError.self) { try PluginLibrary(path: file.path) } }
    }

    @Test func manifests() throws {
        let originals =
            try Self.methods.map { try Self.built($0).manifest.manifest } + [PluginDescription.lora.manifest]
        var readable = 0
        for seed in 0..<1000 {
            var random = Seeded(seed)
            var json = random.pick(originals)
            for _ in 0...random.below(2) { json = json.mutated(&random) }
            var bytes = Array(json.text().utf8)
            if random.below(4) == 0 { bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next()) }
            soon("manifest \(seed)") {
                guard let description = try? PluginDescription(manifest: bytes, place: "fuzz") else { return }
                readable += 1
                // What list, info, manifest and plan make of it.
                let again = try? PluginDescription(manifest: Array(description.manifest.text().utf8), place: "fuzz")
                #expect(again == description, "\(seed)")
                _ = (description.manifestSource, description.hyperparameters.map(\.rule))
                var settings = Settings(defaultsOf: description)
                settings.fillDerived()
                _ = settings.fields()
            }
        }
        #expect((50...900).contains(readable), "\(readable)")
    }

    @Test func hyperparameters() throws {
        let plugins = try Self.methods.map { try LoadedPlugin.load(Self.built($0)) }
        let config: JSON = [
            "model_type": "llama", "vocab_size": 13, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 32, "rms_norm_eps": 1e-5,
            "rope_theta": 100.0, "tie_word_embeddings": true, "hidden_act": "silu",
        ]
        let model = try LlamaConfiguration(config: config, place: "fuzz")
        var (accepted, traced) = (0, 0)
        for seed in 0..<10000 {
            var random = Seeded(seed)
            let plugin = random.pick(plugins)
            soon("settings \(seed) of \(plugin.description.id)") {
                guard let settings = settings(plugin, &random, model) else { return }
                accepted += 1
                let task: Task = random.below(2) == 0 ? .causalLM : .sequenceClassification(labels: 2)
                do {
                    let method = try trace(
                        plugin, settings, model: model.description, sites: model.sites(for: task), task: task.name,
                        labels: task.labels, tokenize: { _ in [1, 2, 3] }, warn: { _ in })
                    traced += 1
                    if seed % 16 == 0 { #expect(try MethodProgram.decode(method.encode()) == method) }
                } catch {
                    #expect(error is PluginError || error is ProgramError, "\(seed): \(error)")
                }
            }
        }
        #expect(accepted > 1000 && traced > 500, "\(accepted) accepted, \(traced) traced")
    }

    /// Settings as they are typed, or as a folder's `adapter_config.json` holds them.
    private func settings(_ plugin: LoadedPlugin, _ random: inout Seeded, _ model: LlamaConfiguration) -> Settings? {
        let description = plugin.description
        var settings = Settings(defaultsOf: description)
        settings.fillDerived()
        if random.below(2) == 0 {
            let names =
                description.hyperparameters.flatMap { [$0.name] + ($0.patternField.map { [$0] } ?? []) }
                + GeneralField.allCases.map(\.rawValue) + ["unknown", ""]
            for _ in 0..<(1 + random.below(3)) {
                let (name, text) = (random.pick(names), value(&random, description))
                guard (try? settings.set(name, text: text)) != nil else { return nil }
            }
            return settings
        }
        var config = JSON.object(settings.fields() + [.init("peft_type", .string(description.peftType))])
        for _ in 0..<random.below(3) { config = config.mutated(&random) }
        return try? importSettings(
            plugin, config: config, place: "fuzz", tensors: ["base_model.model.a.weight"], model: model.description,
            task: "CAUSAL_LM", labels: 0)
    }

    /// An odd text, or one that some hyperparameter of the method would take.
    private func value(_ random: inout Seeded, _ description: PluginDescription) -> String {
        if random.below(3) == 0 { return random.pick(Odd.texts) }
        guard !description.hyperparameters.isEmpty else { return "1" }
        let hyperparameter = random.pick(description.hyperparameters)
        let numbers = ["1", "2", "3", "7", "0.25", "64", "1000", "1000000"]
        return hyperparameter.choices.isEmpty ? random.pick(numbers) : random.pick(hyperparameter.choices)
    }
}
