import Formats
import Foundation
import Testing

extension HostTests {
    /// `import`: what other programs wrote, made our own.
    @Suite struct Importing {
        private let scratch: Scratch
        private let base = Fixtures.path("tiny/a-llama")

        init() throws { scratch = try Scratch() }

        private func logits(_ adapter: String, _ base: String? = nil) throws -> [Double] {
            let model = ["--model", base ?? self.base]
            return try Program.output(["logits", "--adapter", adapter, "--ids", "5,9,2,14,7", "--top", "12"] + model)
                .json()[0]["top_logits"]?.array?.compactMap(\.double) ?? []
        }

        private func expectClose(_ a: [Double], _ b: [Double], _ place: SourceLocation = #_sourceLocation) {
            #expect(a.count == 12 && a.count == b.count, sourceLocation: place)
            for (x, y) in zip(a, b) { #expect(abs(x - y) <= 1e-5, sourceLocation: place) }
        }

        private func take(_ source: String, _ more: String...) -> [String] {
            ["import", source, "--model", base, "--output", scratch / "own", "--overwrite"] + more
        }

        /// Of every form that an adapter is exported in, the same numbers come back.
        @Test(arguments: ["peft", "portable", "gguf-lora", "mlx"]) func whatWasExported(form: String) throws {
            let adapter = Fixtures.path("goldens/lora-patterns-lm/final")
            let output = scratch / (form == "gguf-lora" ? "out.gguf" : "out")
            try Program.output(["export", "--\(form)", "--adapter", adapter, "--model", base, "--output", output])
            let printed = try Program.output(take(output)).output
            #expect(printed.contains("LORA, CAUSAL_LM"))
            try expectClose(logits(scratch / "own"), logits(adapter))
            // It is ours: it says which base it is for, and another one is refused.
            let sidecar = try AdapterFolder(scratch / "own").sidecar()
            #expect(sidecar["base"]?["fingerprint"]?.string?.isEmpty == false)
            #expect(FileManager.default.fileExists(atPath: scratch / "own/method.program"))
        }

        /// llama.cpp divides an alpha by each tensor's own rank.
        @Test func alphaOfGGUF() throws {
            let adapter = Fixtures.path("combine/first")
            try Program.output(
                ["export", "--gguf-lora", "--adapter", adapter, "--model", base, "--output", scratch / "out.gguf"])
            let old = try GGUF(scratch / "out.gguf")
            func write(alpha: Float) throws {
                let metadata = try old.keys.map { key in
                    (key, key.hasSuffix("alpha") ? .float32(alpha) : try #require(try old.stored(key)))
                }
                let tensors = old.tensors.map { tensor in
                    GGUFWriter.Tensor(tensor.name, shape: tensor.shape, .f32) { tensor.withBytes(Array.init) }
                }
                try GGUFWriter.write(metadata, tensors, to: scratch / "new.gguf")
            }
            // The exported scale, 8 / 4, is in the factors; so 4 of rank 4 changes nothing, and 2 halves the change.
            try write(alpha: 4)
            try Program.output(take(scratch / "new.gguf"))
            try expectClose(logits(scratch / "own"), logits(adapter))
            try write(alpha: 2)
            try Program.output(take(scratch / "new.gguf"))
            try Program.output([
                "combine", "--adapter", adapter + "=0.5", "--model", base, "--output", scratch / "half",
            ])
            try expectClose(logits(scratch / "own"), logits(scratch / "half"))
        }

        /// Folders of every kind of tensors that peft writes.
        @Test(arguments: [
            ("adalora-odd-lm", "b-tied-gqa"), ("ia3-inner-lm", "a-llama"), ("llama-adapter-top-lm", "b-tied-gqa"),
            ("prefix-narrow-lm", "b-tied-gqa"), ("ptuning-narrow-lm", "b-tied-gqa"), ("dora-biases-cls", "d-biases"),
            ("prompt-vocabulary-lm", "b-tied-gqa"),
        ])
        func everyMethod(name: String, model: String) throws {
            let base = Fixtures.path("tiny/\(model)")
            let adapter = Fixtures.path("goldens/\(name)/final")
            let before = try Program.run(
                ["logits", "--adapter", adapter, "--ids", "5,9,2", "--model", base])
            try Program.output(["import", adapter, "--model", base, "--output", scratch / "own"])
            let after = try Program.output(["logits", "--adapter", scratch / "own", "--ids", "5,9,2"])
            #expect(before.output == after.output && before.code == 0, "\(before.error)")
        }

        @Test func labels() throws {
            let adapter = Fixtures.path("goldens/adalora-all-cls/final")
            try expectFailure(take(adapter, "--labels", "a,b,c,d"), code: 1, "labels", "4")
            try Program.output(take(adapter, "--labels", "bad,good,other"))
            #expect(try AdapterFolder(scratch / "own").sidecar()["labels"] == ["bad", "good", "other"])
        }

        @Test func mistakes() throws {
            try expectFailure(take(scratch / "none"), code: 1, "none", "adapter_config.json")
            try expectFailure(take(try Material.model()), code: 1, "no LoRA adapter", "--model")
            try scratch.write("{\"fine_tune_type\": \"dora\"}", "mlx/adapter_config.json")
            try scratch.write("", "mlx/adapters.safetensors")
            try expectFailure(take(scratch / "mlx"), code: 1, "mlx", "dora")
            // Of another base: a layer too many.
            let other = Fixtures.path("goldens/lora-patterns-lm/final")
            for form in ["gguf-lora", "mlx"] {
                let output = scratch / (form == "mlx" ? "large" : "large.gguf")
                try Program.output(["export", "--\(form)", "--adapter", other, "--model", base, "--output", output])
                try expectFailure(
                    ["import", output, "--model", Fixtures.path("tiny/b-tied-gqa"), "--output", scratch / "x"], code: 1,
                    "lora_b", "shape")
            }
        }
    }
}
