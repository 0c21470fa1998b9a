import Formats
import Foundation
import Testing

extension HostTests {
    /// `evaluate`: figures, their intervals, groups, and another adapter beside.
    @Suite struct Evaluating {
        private let scratch: Scratch
        private let names = ["lora-cls", "ia3-cls"]

        init() throws { scratch = try Scratch() }

        private func evaluate(_ name: String, _ more: String...) throws -> [String] {
            let rows = Material.rows(40).enumerated().map {
                "\($1.text)\t\($1.label)\t\($0 % 3 == 0 ? "new" : "old")\n"
            }
            try scratch.write(
                "text\tlabel\tgroup\n"
                    + rows.joined().replacing("negative", with: "0").replacing("positive", with: "1"),
                "rows.tsv")
            let adapter = Fixtures.path("goldens/\(name)/final")
            return try ["evaluate", "--model", Material.model(), "--adapter", adapter, "--data", scratch / "rows.tsv"]
                + more
        }

        @Test func figures() throws {
            let json = try Program.output(evaluate("lora-cls", "--json", "--resamples", "200")).json()[0]
            let accuracy = try #require(json["accuracy"]?.double)
            let interval = (json["intervals"]?["accuracy"]?.array ?? []).compactMap(\.double)
            #expect(
                interval.count == 2 && interval[0] <= accuracy && accuracy <= interval[1] && interval[0] < interval[1])
            let counts = (json["confusion"]?["counts"]?.array ?? []).map { ($0.array ?? []).compactMap(\.int) }
            #expect(counts.joined().reduce(0, +) == 40)
            #expect(Double(counts[0][0] + counts[1][1]) / 40 == accuracy)
            #expect((json["reliability"]?.array ?? []).reduce(0) { $0 + ($1["rows"]?.int ?? 0) } == 40)
            let groups = try #require(json["groups"])
            #expect(groups["new"]?["rows"] == 14 && groups["old"]?["rows"] == 26)
            let (new, old) = (groups["new"]?["accuracy"]?.double ?? .nan, groups["old"]?["accuracy"]?.double ?? .nan)
            #expect(abs((new * 14 + old * 26) / 40 - accuracy) < 1e-12)
            #expect(abs((json["gap"]?["accuracy"]?.double ?? .nan) - abs(new - old)) < 1e-12)
            // A seed says which rows are drawn.
            func again(_ seed: String) throws -> JSON? {
                try Program.output(evaluate("lora-cls", "--json", "--resamples", "200", "--seed", seed)).json()[0][
                    "intervals"]
            }
            #expect(try again("0") == json["intervals"])
            #expect(try again("1") != json["intervals"])
            let text = try Program.output(evaluate("lora-cls", "--resamples", "0")).lines
            #expect(text[0] == "rows      40" && text.contains { $0.hasPrefix("ece") && !$0.contains("(") })
        }

        @Test func another() throws {
            let (first, second) = (Fixtures.path("goldens/lora-cls/final"), Fixtures.path("goldens/ia3-cls/final"))
            let one = try Program.output(evaluate("lora-cls", "--json", "--against", second)).json()[0]
            let two = try Program.output(evaluate("ia3-cls", "--json", "--against", first)).json()[0]
            let (there, back) = (one["against"]?["loss"], two["against"]?["loss"])
            let difference = (one["loss"]?.double ?? .nan) - (two["loss"]?.double ?? .nan)
            #expect(abs((there?["difference"]?.double ?? .nan) - difference) < 1e-12)
            #expect(abs((back?["difference"]?.double ?? .nan) + difference) < 1e-12)
            #expect(there?["p"] == back?["p"])
            #expect(one["against"]?["mcnemar_p"] == two["against"]?["mcnemar_p"])
            // No better than itself.
            let same = try Program.output(evaluate("lora-cls", "--json", "--against", first)).json()[0]["against"]
            #expect(same?["accuracy"]?["difference"]?.double == 0 && same?["accuracy"]?["p"]?.double == 1)
            #expect(same?["mcnemar_p"]?.double == 1)
            try expectFailure(
                evaluate("lora-cls", "--against", Fixtures.path("goldens/lora-cls-3/final")), code: 1, "lora-cls-3",
                "labels")
            try expectFailure(evaluate("lora-cls", "--resamples", "-1"), code: 2, "--resamples")
        }
    }
}
