import Formats
import Foundation
import Testing

extension HostTests {
    /// `combine` against peft's `add_weighted_adapter` (Fixtures/combine/make_combined.py).
    @Suite struct Combining {
        private let scratch: Scratch
        private let base = Fixtures.path("tiny/a-llama")
        private let cases: [JSON]

        init() throws {
            scratch = try Scratch()
            let file = URL(filePath: Fixtures.path("combine/combined.json"))
            cases = try JSON.parse(Data(contentsOf: file), place: "combined.json").array ?? []
        }

        private func combine(
            _ weights: [String], of names: [String] = ["first", "second"], _ more: String...
        ) -> [String] {
            ["combine", "--model", base, "--output", scratch / "sum"]
                + zip(names, weights).flatMap { ["--adapter", Fixtures.path("combine/\($0)") + $1] } + more
        }

        @Test func agreesWithPeft() throws {
            #expect(cases.count == 17)
            for item in cases {
                let weights = (item["weights"]?.array ?? []).map { "=\($0.double ?? .nan)" }
                let kind = item["kind"]?.string ?? ""
                // The types that ask for nothing more are chosen by --rank or its absence.
                var options = ["cat", "svd"].contains(kind) ? [] : ["--combination-type", kind]
                if let rank = item["svd_rank"]?.int { options += ["--rank", "\(rank)"] }
                if let density = item["density"]?.double { options += ["--density", "\(density)"] }
                if let method = item["majority_sign_method"]?.string { options += ["--majority-sign-method", method] }
                let names = (item["adapters"]?.array ?? []).compactMap(\.string)
                let printed = try Program.output(combine(weights, of: names, "--overwrite") + options).output
                let isExact = !kind.hasSuffix("svd") || item["svd_rank"] == 40
                #expect(printed.contains(kind == "cat" ? "rank 7, exact" : kind.hasSuffix("svd") ? "is lost" : kind))
                let ids = (item["prompt"]?.array ?? []).compactMap(\.int).map(String.init).joined(separator: ",")
                let found = try Program.output(
                    ["logits", "--model", base, "--adapter", scratch / "sum", "--ids", ids]
                ).json()[0]
                let wanted = (item["top_logits"]?.array ?? []).compactMap(\.double)
                #expect(isExact == false || found["top_ids"] == item["top_ids"])
                for (a, b) in zip((found["top_logits"]?.array ?? []).compactMap(\.double), wanted) {
                    #expect(abs(a - b) <= 1e-3, "\(kind) \(options)")
                }
            }
        }

        /// A seed draws the same numbers; the others are made larger for those that are left out.
        @Test func leavesOutAtRandom() throws {
            func values(_ seed: String) throws -> [Float] {
                let names = ["first", "third"]
                try Program.output(
                    combine(["", ""], of: names, "--overwrite") + [
                        "--combination-type", "dare_linear", "--density", "0.25", "--seed", seed,
                    ])
                let file = try Safetensors(file: scratch / "sum/adapter_model.safetensors")
                let tensor = try file.tensors.tensor("base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight")
                return (0..<tensor.elementCount).map {
                    tensor.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)
                }
            }
            let first = try values("1")
            #expect(try first == values("1"))
            #expect(try first != values("2"))
            let whole = try Safetensors(file: Fixtures.path("combine/first/adapter_model.safetensors"))
            let tensor = try whole.tensors.tensor("base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight")
            // The scale, alpha / r = 2, is shared between the factors.
            for (place, value) in first.enumerated() where value != 0 {
                let old = tensor.bytes.loadUnaligned(fromByteOffset: 4 * place, as: Float.self)
                #expect(abs(value - old * 4 * Float(2).squareRoot()) <= 1e-5 * abs(value))
            }
            let kept = Double(first.count { $0 != 0 }) / Double(first.count)
            #expect(abs(kept - 0.25) < 0.15)
        }

        @Test func mistakes() throws {
            try expectFailure(combine(["", ""], "--combination-type", "ties"), code: 2, "--density")
            try expectFailure(combine(["", ""], "--density", "0.5"), code: 2, "--density")
            try expectFailure(combine(["", ""], "--combination-type", "linear", "--rank", "2"), code: 2, "--rank")
            try expectFailure(combine(["", ""], "--combination-type", "linear"), code: 1, "ranks 4, 3", "_svd")
            try expectFailure(combine(["=x", ""]), code: 2, "first=x", "weight")
            try expectFailure(combine(["", ""], "--rank", "0"), code: 2, "--rank")
            try Program.output(combine(["", "=0.5"]))
            try expectFailure(combine(["", ""]), code: 1, "sum", "--overwrite")
            let classifier = Fixtures.path("goldens/adalora-all-cls/final")
            try expectFailure(
                combine(["", ""], "--adapter", classifier, "--overwrite"), code: 1, "adalora-all-cls", "head")
        }
    }
}
