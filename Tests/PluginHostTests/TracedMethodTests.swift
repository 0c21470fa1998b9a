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

    @Test func onlyTheHeadIsSavedBeside() throws {
        let classifier = Task.sequenceClassification(labels: 2)
        _ = try Self.trace([("modules_to_save", "score,classifier")], classifier)
        for (names, task) in [("lm_head", classifier), ("score,embed_tokens", classifier), ("lm_head", .causalLM)] {
            let error = #expect(throws: PluginError.self) { try Self.trace([("modules_to_save", names)], task) }
            #expect(error?.code == .unsupported && error?.place == "modules_to_save")
            let named = names.split(separator: ",").last ?? ""
            #expect(error?.message == "training \(named) beside the method is not implemented")
        }
    }
}
