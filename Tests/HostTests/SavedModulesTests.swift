import Formats
import Foundation
import Testing

extension HostTests {
    /// Modules of the base that train in full beside a method: `modules_to_save`.
    @Suite struct SavedModules {
        private func plan(_ plugin: String, _ options: [String], model: String = "b-tied-gqa") throws -> JSON {
            let arguments = ["plan", "--model", Fixtures.path("tiny/\(model)"), "--plugin", plugin, "--json"]
            return try #require(Program.output(arguments + options.flatMap { ["-o", $0] }).json().first)
        }

        /// peft counts the original and the copy.
        @Test func plansCount() throws {
            let without = try plan("LoRA", ["r=2"])
            let with = try plan("LoRA", ["r=2", "modules_to_save=embed_tokens"])
            let copy = 384 * 64
            let golden = try Parity.Golden("save-embed-lm")
            #expect(with["trainable"]?.int == golden.run["trainable_count"]?.int)
            #expect(with["trainable"]?.int == without["trainable"]!.int! + copy)
            #expect(with["all"]?.int == without["all"]!.int! + copy)
            #expect(try #require(with["adapter_bytes"]?.int) >= without["adapter_bytes"]!.int! + 4 * copy)
        }

        /// There peft looks rows up in the frozen table: a copy of it would never train.
        @Test func theTableDoesNotTrainBesideVirtualTokens() throws {
            for plugin in ["PromptTuning", "PTuning"] {
                let result = try Program.run([
                    "plan", "--model", Fixtures.path("tiny/a-llama"), "--plugin", plugin, "-o", "num_virtual_tokens=3",
                    "-o", "modules_to_save=embed_tokens",
                ])
                #expect(result.code == 1)
                #expect(result.error.contains("modules_to_save: the embedding table cannot train beside \(plugin)"))
            }
        }

        /// The copy trains, is kept where the method's head is, and the adapter runs.
        @Test(arguments: ["LoRA", "LlamaAdapter"]) func trainsAndRuns(plugin: String) throws {
            let scratch = try Scratch()
            let model = try Material.tiny(scratch, fixture: "b-tied-gqa")
            let own = plugin == "LoRA" ? [] : ["-o", "adapter_len=2", "-o", "adapter_layers=1"]
            try Program.output(
                Material.train(
                    model: model, data: Material.data(scratch), output: scratch / "adapter", plugin: plugin, "--epochs",
                    "2", "--learning-rate", "1e-2", "-o", "modules_to_save=norm") + own)
            let adapter = AdapterFolder(scratch / "adapter")
            let name = "base_model.model.model.norm.weight"
            let file = plugin == "LoRA" ? "adapter_model" : "trainable_state"
            let trained = try #require(AdapterFolder.tensors(scratch / "adapter/\(file).safetensors")[name])
            let base = try #require(AdapterFolder.tensors(model + "/model.safetensors")["model.norm.weight"])
            #expect(trained.count == base.count && trained != base)
            let saved = try adapter.configuration()["modules_to_save"]
            #expect(saved == (plugin == "LoRA" ? ["norm", "classifier", "score"] : nil))
            let ids = ["logits", "--model", model, "--ids", "5,17,200", "--top", "2", "--adapter", scratch / "adapter"]
            let logits = try Program.output(ids).json().first?["top_logits"]?.array ?? []
            #expect(logits.count == 2 && logits.allSatisfy { $0.double?.isFinite == true })
        }
    }
}
