import Adapters
import Foundation
import Formats
import Models
import PluginHost
import Programs
import Testing

/// A plugin's method for a model, and what the adapter's configuration says of it.
@Suite struct TracedMethodTests {
    private static func trace(_ options: [(name: String, text: String)], _ task: Task) throws -> TracedMethod {
        let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let model = try Model(fixtures.appending(path: "Fixtures/tiny/a-llama").path)
        let library = try PluginLibrary(path: try Build.plugin("lora.c", manifest: .lora))
        return try TracedMethod(
            library, options: options, model: model.configuration, task: task, tokenize: model.tokenize
        ) { _ in }
    }

    /// peft writes the names that all-linear stands for, so that its readers find them.
    @Test func targetsAreWrittenOut() throws {
        func targets(_ options: [(name: String, text: String)]) throws -> JSON? {
            try Self.trace(options, .causalLM).fields.first { $0.key == "target_modules" }?.value
        }
        #expect(
            try targets([("target_modules", "all-linear")])
                == ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"])
        #expect(try targets([]) == ["q_proj", "v_proj"])
        #expect(try targets([("target_modules", "up_proj,k_proj")]) == ["up_proj", "k_proj"])
    }

    /// As peft matches and names them: a name is what a path ends with, in the middle of a word too.
    @Test(arguments: [
        ("embed_tokens", ["model.embed_tokens.weight"]), ("lm_head", ["lm_head.weight"]),
        ("model.norm", ["model.norm.weight"]),
        (
            "norm",
            ["0.input_layernorm", "0.post_attention_layernorm", "1.input_layernorm", "1.post_attention_layernorm"]
                .map { "model.layers.\($0).weight" } + ["model.norm.weight"]
        ),
        ("1.mlp", ["gate", "up", "down"].map { "model.layers.1.mlp.\($0)_proj.weight" }),
    ])
    func modulesToSave(name: String, tensors: [String]) throws {
        let traced = try Self.trace([("modules_to_save", name)], .causalLM)
        let stored = traced.program.storedTensors.map(\.name).filter { !$0.contains("lora_") }
        #expect(stored == tensors.map { "base_model.model.\($0)" })
        #expect(traced.fields.first { $0.key == "modules_to_save" }?.value == [.string(name)])
        try traced.program.verify()
    }

    @Test func theHeadIsAmongThem() throws {
        let classifier = Task.sequenceClassification(labels: 2)
        for (names, all) in [("null", ["classifier", "score"]), ("norm,score", ["norm", "score", "classifier"])] {
            let fields = try Self.trace([("modules_to_save", names)], classifier).fields
            #expect(fields.first { $0.key == "modules_to_save" }?.value == .array(all.map(JSON.string)))
        }
    }

    @Test(arguments: [
        ("norms", "no module is named \"norms\"", "did you mean norm?"),
        ("blocks", "no module is named \"blocks\"", "the nearest are"),
        ("v_proj,_proj", "would train in full, and LoRA stands there itself", "give modules by their whole names"),
        ("score", "no module is named \"score\"", "the nearest are"),
    ])
    func modulesThatCannotBeSaved(names: String, message: String, remedy: String) throws {
        let error = #expect(throws: PluginError.self) { try Self.trace([("modules_to_save", names)], .causalLM) }
        #expect(error?.place == "modules_to_save")
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(error?.remedy.contains(remedy) == true, "\(error?.remedy ?? "")")
    }
}
