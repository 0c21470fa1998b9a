import Formats
import Foundation
import Testing

extension HostTests {
    /// The commands against what transformers and peft compute for the same model, with the tolerances of its goldens.
    @Suite struct Parity {
        struct Golden {
            let folder: String
            let run: JSON

            init(_ name: String) throws {
                folder = Fixtures.path("goldens/\(name)")
                run = try JSON.parse(Data(contentsOf: URL(filePath: folder + "/run.json")), place: name)
            }

            func numbers(_ name: String) -> [Double] { run[name]?.array?.compactMap(\.double) ?? [] }
        }

        @Test(arguments: [
            ("lora-cls", "LoRA"), ("lora-cls-3", "LoRA"), ("lora-lm-all", "LoRA"), ("dora-lm", "LoRA"),
            ("adalora-cls", "AdaLoRA"), ("ia3-cls", "IA3"), ("llama-adapter-lm", "LlamaAdapter"),
            ("prefix-lm", "PrefixTuning"), ("prefix-proj-lm", "PrefixTuning"),
            ("bottleneck-pfeiffer-lm", "BottleneckAdapter"),
            ("prompt-cls", "PromptTuning"), ("ptuning-mlp-cls", "PTuning"), ("ptuning-lstm-cls", "PTuning"),
        ])
        func replay(name: String, plugin: String) throws {
            let golden = try Golden(name)
            let scratch = try Scratch()
            let output = scratch / "final"
            let lines = try Program.output(
                ["replay", golden.folder, "--model", Material.model(), "--plugin", plugin, "--output", output]
            ).json()
            try expectSteps(golden, lines)
            try expectFinal(golden, AdapterFolder(output))
        }

        /// What `trainable_state.safetensors` holds comes from there, under a torch model's names, and goes there.
        @Test func replayFromTrainableState() throws {
            let golden = try Golden("lora-cls")
            let scratch = try Scratch()
            let files = FileManager.default
            try files.createDirectory(atPath: scratch / "case/init", withIntermediateDirectories: true)
            try files.copyItem(atPath: golden.folder + "/run.json", toPath: scratch / "case/run.json")
            try files.copyItem(
                atPath: golden.folder + "/init/adapter_config.json", toPath: scratch / "case/init/adapter_config.json")
            let tensors = try Safetensors(file: golden.folder + "/init/adapter_model.safetensors").tensors
            let isMoved = { (name: String) in name.hasSuffix("lora_A.weight") || name.hasSuffix("score.weight") }
            func stored(_ tensor: StoredTensor, as name: String) -> SafetensorsWriter.Tensor {
                .init(
                    name, shape: tensor.shape,
                    .floats(tensor.withBytes { Array($0.bindMemory(to: Float.self)) }))
            }
            let moved = tensors.filter { isMoved($0.name) }.map { tensor in
                let head = "base_model.model.score.modules_to_save.default.weight"
                let isHead = tensor.name.hasSuffix("score.weight")
                return stored(tensor, as: isHead ? head : tensor.name.replacing("base_model.model.", with: ""))
            }
            let others = tensors.filter { !isMoved($0.name) }.map { stored($0, as: $0.name) }
            try SafetensorsWriter.write(others, to: scratch / "case/init/adapter_model.safetensors")
            try SafetensorsWriter.write(moved, to: scratch / "case/init/trainable_state.safetensors")
            for (folder, output) in [(golden.folder, "a"), (scratch / "case", "b")] {
                try Program.output(
                    [
                        "replay", folder, "--model", Material.model(), "--plugin", "LoRA", "--output", scratch / output,
                    ])
            }
            #expect(try AdapterFolder(scratch / "a").tensors() == AdapterFolder(scratch / "b").tensors())
            let state = try AdapterFolder.tensors(scratch / "b/trainable_state.safetensors")
            #expect(state.keys.sorted() == moved.map(\.name).sorted())
            #expect(!files.fileExists(atPath: scratch / "a/trainable_state.safetensors"))
        }

        /// Bottleneck adapters by their published formulas, on a small model.
        @Test(arguments: ["bottleneck-houlsby-tiny", "bottleneck-parallel-tiny", "bottleneck-norms-tiny"])
        func replayOfBottlenecks(name: String) throws {
            let golden = try Golden(name)
            let scratch = try Scratch()
            let output = scratch / "final"
            let lines = try Program.output([
                "replay", golden.folder, "--model", Fixtures.path("tiny/a-llama"), "--plugin", "BottleneckAdapter",
                "--output", output,
            ]).json()
            try expectSteps(golden, lines)
            try expectFinal(golden, AdapterFolder(output))
        }

        /// LoRA+ with a rate for embeddings, by peft's optimizer (Fixtures/goldens/make_loraplus.py).
        @Test func replayOfLoRAPlus() throws {
            let golden = try Golden("loraplus-lm")
            let scratch = try Scratch()
            let options = [
                "r=2", "use_dora=true", "bias=lora_only", "target_modules=embed_tokens,q_proj", "loraplus_lr_ratio=4",
                "loraplus_lr_embedding=3e-4",
            ]
            let lines = try Program.output(
                [
                    "replay", golden.folder, "--model", Fixtures.path("tiny/d-biases"), "--plugin", "LoRA", "--output",
                    scratch / "final",
                ] + options.flatMap { ["-o", $0] }
            ).json()
            try expectSteps(golden, lines)
            try expectFinal(golden, AdapterFolder(scratch / "final"))
        }

        func expectSteps(_ golden: Golden, _ lines: [JSON]) throws {
            let (losses, norms) = (golden.numbers("loss"), golden.numbers("grad_norm"))
            try #require(lines.count == losses.count + 1 && !losses.isEmpty)
            for (step, line) in lines.dropLast().enumerated() {
                #expect(line["step"]?.int == step)
                let (loss, norm) = (try #require(line["loss"]?.double), try #require(line["grad_norm"]?.double))
                #expect(
                    abs(loss - losses[step]) <= (step < 5 ? 1e-3 : 5e-3) * max(abs(losses[step]), 1e-3), "step \(step)")
                if step < 5 { #expect(abs(norm - norms[step]) <= 5e-3 * norms[step], "step \(step)") }
                guard let counts = golden.run["lora_E_nonzero"]?.array?[step].members else { continue }
                // The golden names are a torch model's.
                let wanted = counts.map { JSON.Member($0.key.replacing(".default", with: ""), $0.value) }
                #expect(line["nonzero"]?.members ?? [] == wanted, "step \(step)")
            }
            let last = try #require(lines.last)
            #expect(last["trainable"]?.int == golden.run["trainable_count"]?.int)
            try expectLogits(last["probe"], golden.run["probe"], within: 1e-2, ids: "top_ids", logits: "top_logits")
        }

        /// What peft wrote after its last step, which keeps no encoder.
        @Test(arguments: ["prompt-cls", "ptuning-mlp-cls", "ptuning-lstm-cls"]) func opensPrompts(name: String) throws {
            let golden = try Golden(name)
            let probe = try #require(golden.run["probe"])
            let ours = try Program.output([
                "logits", "--model", Material.model(), "--adapter", golden.folder + "/final", "--ids",
                list(ids(probe["input_ids"])),
            ]).json()
            try expectLogits(ours.first, probe, within: 1e-2, ids: "top_ids", logits: "top_logits")
        }

        /// Options of our methods in combinations, on small models (Fixtures/goldens/make_peft.py).
        @Test(arguments: [
            ("lora-expression-lm", "LoRA", "a-llama"), ("lora-layers-cls", "LoRA", "d-biases"),
            ("lora-biases-lm", "LoRA", "d-biases"), ("lora-patterns-lm", "LoRA", "a-llama"),
            ("lora-exclude-cls", "LoRA", "a-llama"), ("lora-tables-lm", "LoRA", "a-llama"),
            ("dora-biases-cls", "LoRA", "d-biases"), ("dora-table-lm", "LoRA", "b-tied-gqa"),
            ("adalora-odd-lm", "AdaLoRA", "b-tied-gqa"), ("adalora-all-cls", "AdaLoRA", "a-llama"),
            ("adalora-fraction-lm", "AdaLoRA", "d-biases"), ("ia3-inner-lm", "IA3", "a-llama"),
            ("ia3-biases-cls", "IA3", "d-biases"), ("prompt-vocabulary-lm", "PromptTuning", "b-tied-gqa"),
            ("prompt-random-cls", "PromptTuning", "a-llama"), ("ptuning-narrow-lm", "PTuning", "b-tied-gqa"),
            ("ptuning-deep-cls", "PTuning", "a-llama"), ("prefix-table-cls", "PrefixTuning", "b-tied-gqa"),
            ("prefix-narrow-lm", "PrefixTuning", "b-tied-gqa"), ("llama-adapter-top-lm", "LlamaAdapter", "b-tied-gqa"),
            ("save-embed-lm", "LoRA", "b-tied-gqa"), ("save-tied-lm", "IA3", "b-tied-gqa"),
            ("save-norm-cls", "IA3", "a-llama"), ("save-biases-lm", "LoRA", "d-biases"),
            ("save-prefix-lm", "PrefixTuning", "b-tied-gqa"), ("save-adalora-lm", "AdaLoRA", "a-llama"),
        ])
        func replayOfVariants(name: String, plugin: String, model: String) throws {
            let golden = try Golden(name)
            let scratch = try Scratch()
            let model = Fixtures.path("tiny/\(model)")
            let lines = try Program.output([
                "replay", golden.folder, "--model", model, "--plugin", plugin, "--output", scratch / "final",
            ]).json()
            try expectSteps(golden, lines)
            try expectFinal(golden, AdapterFolder(scratch / "final"))
            // What peft wrote after its last step.
            let probe = try #require(golden.run["probe"])
            let opened = try Program.output([
                "logits", "--model", model, "--adapter", golden.folder + "/final", "--ids",
                list(ids(probe["input_ids"])), "--top", String(probe["top_ids"]?.array?.count ?? 0),
            ]).json()
            try expectLogits(opened.first, probe, within: 1e-3, ids: "top_ids", logits: "top_logits")
        }

        /// Every weight of the model trains: no gradient of the base goes unchecked.
        @Test func replayOfAllWeights() throws {
            let golden = try Golden("full-lm")
            let lines = try Program.output(
                ["replay", golden.folder, "--model", Material.model(), "--plugin", "FullFineTuning"]
            ).json()
            try expectSteps(golden, lines)
        }

        /// Each tensor: near the golden one, also measured by how far it moved.
        func expectFinal(_ golden: Golden, _ written: AdapterFolder) throws {
            // Where peft keeps no adapter, the goldens have what trained it under its names in torch.
            let isKept = FileManager.default.fileExists(atPath: golden.folder + "/final/adapter_config.json")
            let file = isKept ? "adapter_model.safetensors" : "trainable_state.safetensors"
            let wanted = try AdapterFolder.tensors(golden.folder + "/final/" + file)
            let initial = try AdapterFolder.tensors(golden.folder + "/init/" + file)
            let tensors = try AdapterFolder.tensors(written.path + "/" + file)
            #expect(tensors.keys.sorted() == wanted.keys.sorted())
            let exempt = golden.run["final_exempt"]?.array?.compactMap(\.string) ?? []
            for (name, values) in wanted where !exempt.contains(name) {
                let ours = try #require(tensors[name])
                try #require(ours.count == values.count, "\(name)")
                let distance = norm(zip(ours, values).map { $0 - $1 })
                #expect(distance <= 1e-2 * norm(values), "\(name)")
                #expect(distance <= 1e-1 * norm(zip(values, try #require(initial[name])).map { $0 - $1 }), "\(name)")
            }
            guard isKept else { return }
            let (config, peft) = (
                try written.configuration(), try AdapterFolder(golden.folder + "/final").configuration()
            )
            #expect(config.members?.map(\.key) == peft.members?.map(\.key))
            for member in peft.members ?? [] where member.key != "base_model_name_or_path" {
                let (a, b) = (config[member.key], member.value)
                // peft writes sets in any order, some of their members twice, and numbers as they were given.
                let isEqual = a == b || a?.double != nil && a?.double == b.double || members(a) == members(b)
                #expect(isEqual, "\(member.key): \(a?.text() ?? "missing"), not \(b.text())")
            }
        }

        private func members(_ json: JSON?) -> Set<String>? { (json?.array?.map { $0.text() }).map(Set.init) }

        private func norm(_ values: [Float]) -> Double {
            values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        }

        /// The same ids in the same order, where ties within 1e-3 may swap, and their logits.
        private func expectLogits(
            _ ours: JSON?, _ golden: JSON?, within tolerance: Double, ids: String, logits: String
        ) throws {
            let (a, b) = (
                ours?["top_ids"]?.array?.compactMap(\.int) ?? [], golden?[ids]?.array?.compactMap(\.int) ?? []
            )
            let x = ours?["top_logits"]?.array?.compactMap(\.double) ?? []
            let y = golden?[logits]?.array?.compactMap(\.double) ?? []
            try #require(a.count == b.count && x.count == a.count && y.count == a.count && !a.isEmpty)
            for place in a.indices {
                #expect(abs(x[place] - y[place]) <= tolerance, "place \(place)")
                guard a[place] != b[place] else { continue }
                let other = try #require(b.firstIndex(of: a[place]), "\(a[place]) is not among the golden ids")
                #expect(abs(y[other] - y[place]) <= 1e-3, "place \(place): \(a[place]), not \(b[place])")
            }
        }

        private func forward() throws -> JSON {
            try JSON.parse(
                Data(contentsOf: URL(filePath: Fixtures.path("goldens/forward/forward.json"))), place: "forward.json")
        }

        private func ids(_ json: JSON?) -> [Int] { json?.array?.compactMap(\.int) ?? [] }
        private func list(_ ids: [Int]) -> String { ids.map(String.init).joined(separator: ",") }

        @Test(arguments: 0..<4) func logits(prompt: Int) throws {
            let golden = try #require(try forward()["prompts"]?.array)[prompt]
            let scratch = try Scratch()
            let hidden = scratch / "hidden.safetensors"
            let ours = try #require(
                try Program.output([
                    "logits", "--model", Material.model(), "--ids", list(ids(golden["ids"])), "--top", "20", "--hidden",
                    hidden,
                ]).json().first)
            try expectLogits(ours, golden, within: 2e-3, ids: "top20_ids", logits: "top20_logits")
            let sum = try #require(ours["logit_sum"]?.double)
            // 2e-3 for each of the 49,152 logits of the sum.
            #expect(abs(sum - (golden["logit_sum_last"]?.double ?? .nan)) <= 2e-3 * 49152)
            if let loss = golden["mean_nll"]?.double {
                #expect(abs((ours["mean_nll"]?.double ?? .nan) - loss) <= 2e-3)
            } else {
                #expect(ours["mean_nll"] == .null)
            }
            let wanted = try AdapterFolder.tensors(Fixtures.path("goldens/forward/hidden.safetensors"))
            let tensors = try AdapterFolder.tensors(hidden)
            #expect(tensors.keys.sorted() == ["last_hidden", "layer1_out"])
            for (name, values) in tensors {
                let golden = try #require(wanted["\(name).\(prompt)"])
                try #require(golden.count == values.count)
                let largest = golden.map(abs).max() ?? 0
                #expect((zip(values, golden).map { abs($0 - $1) }.max() ?? .nan) <= 2e-3 * largest, "\(name)")
            }
        }

        @Test(arguments: 0..<2) func greedy(number: Int) throws {
            let golden = try #require(try forward()["greedy"]?.array)[number]
            let wanted = ids(golden["continuation"])
            let ours = try Program.output([
                "logits", "--model", Material.model(), "--ids", list(ids(golden["prompt"])), "--greedy",
                String(wanted.count),
            ]).json()
            #expect(ids(ours.first?["continuation"]) == wanted)
        }

        @Test func tokens() throws {
            let cases = try String(contentsOfFile: Fixtures.path("tokens.jsonl"), encoding: .utf8).split(
                separator: "\n"
            ).map {
                try JSON.parse($0.utf8, place: "tokens.jsonl")
            }
            #expect(cases.count == 400)
            let model = try Material.model()
            let texts = cases.map { ($0["text"] ?? .null).text() + "\n" }.joined()
            let ours = try Program.output(["tokenize", "--model", model, "--json-lines"], input: texts).json()
            #expect(ours == cases.compactMap { $0["ids"] })
            let back = try Program.output(
                ["tokenize", "--model", model, "--json-lines", "--decode"],
                input: ours.map { $0.text() + "\n" }.joined())
            #expect(try back.json() == cases.compactMap { $0["text"] })
        }
    }
}
