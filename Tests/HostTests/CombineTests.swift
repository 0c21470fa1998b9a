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

        private func combine(_ weights: [String], _ more: String...) -> [String] {
            ["combine", "--model", base, "--output", scratch / "sum"]
                + zip(["first", "second"], weights).flatMap { ["--adapter", Fixtures.path("combine/\($0)") + $1] }
                + more
        }

        @Test func agreesWithPeft() throws {
            #expect(cases.count == 5)
            for item in cases {
                let weights = (item["weights"]?.array ?? []).map { "=\($0.double ?? .nan)" }
                let rank = item["rank"]?.int.map { ["--rank", "\($0)"] } ?? []
                let printed = try Program.output(combine(weights, "--overwrite") + rank).output
                let isExact = item["kind"] == "cat" || item["rank"] == 40
                #expect(printed.contains(item["kind"] == "cat" ? "rank 7, exact" : "is lost"))
                let ids = (item["prompt"]?.array ?? []).compactMap(\.int).map(String.init).joined(separator: ",")
                let found = try Program.output(
                    ["logits", "--model", base, "--adapter", scratch / "sum", "--ids", ids]
                ).json()[0]
                let wanted = (item["top_logits"]?.array ?? []).compactMap(\.double)
                #expect(isExact == false || found["top_ids"] == item["top_ids"])
                for (a, b) in zip((found["top_logits"]?.array ?? []).compactMap(\.double), wanted) {
                    #expect(abs(a - b) <= 1e-3, "\(item["kind"]?.text() ?? ""), rank \(item["rank"]?.text() ?? "")")
                }
            }
        }

        @Test func mistakes() throws {
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
