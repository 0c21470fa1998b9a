import Formats
import Foundation
import Testing

extension HostTests {
    /// `predict` with several adapters, of which each row names one.
    @Suite struct Choosing {
        private let scratch: Scratch
        private let names = ["lora-cls", "lora-cls-3", "ia3-cls", "prompt-cls"]

        init() throws { scratch = try Scratch() }

        private func folder(_ name: String) -> String { Fixtures.path("goldens/\(name)/final") }

        private func predict(_ names: [String]) throws -> [String] {
            try ["predict", "--json", "--model", Material.model()]
                + names.flatMap { ["--adapter", "\($0)=" + folder($0)] }
        }

        @Test func rowsNameTheirAdapter() throws {
            let texts = ["a dull plot", "warm and funny, with a fine cast", "the music", "it ends", "slow", "bright"]
            let asked = texts.indices.map { names[$0 * 3 % 4] }
            try scratch.write(
                "text\tadapter\n" + zip(texts, asked).map { "\($0)\t\($1)\n" }.joined(), "rows.tsv")
            let found = try Program.output(predict(names) + [scratch / "rows.tsv"]).json()
            #expect(found.map { $0["adapter"]?.string } == asked)
            #expect(found.map { $0["text"]?.string } == texts)
            for name in names {
                let rows = texts.indices.filter { asked[$0] == name }
                let own = try Program.output(
                    predict([name]), input: rows.map { texts[$0] + "\n" }.joined()
                ).json()
                for (row, alone) in zip(rows, own) {
                    #expect(found[row]["label"] == alone["label"])
                    let labels = alone["probabilities"]?.members ?? []
                    #expect(found[row]["probabilities"]?.members?.count == labels.count)
                    for label in labels {
                        let here = found[row]["probabilities"]?[label.key]?.double ?? .nan
                        #expect(abs(here - (label.value.double ?? .nan)) <= 1e-5)
                    }
                }
            }
        }

        @Test func mistakes() throws {
            try scratch.write("text\nwarm\n", "rows.tsv")
            try expectFailure(
                predict(names) + [scratch / "rows.tsv"], code: 1, "rows.tsv:2", "adapter", "lora-cls, lora-cls-3")
            try scratch.write("text\tadapter\nwarm\tthird\n", "rows.tsv")
            try expectFailure(predict(names) + [scratch / "rows.tsv"], code: 1, "rows.tsv:2", "third")
            try expectFailure(
                predict(["lora-cls", "lora-cls"]), code: 2, "two are called lora-cls")
            try expectFailure(
                ["predict", "--model", Material.model(), "--adapter", Fixtures.path("goldens/lora-lm-all/final")],
                code: 1, "causal-lm")
        }
    }
}
