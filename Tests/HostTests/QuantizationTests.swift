import Formats
import Foundation
import Testing

extension HostTests {
    /// `--quantize`, from training to prediction.
    @Suite struct Quantization {
        private let scratch: Scratch
        private let model: String
        private let data: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
            data = try Material.data(scratch)
        }

        /// With a cache of this test's own.
        private func run(_ arguments: [String]) throws -> Program.Result {
            try Program.run(arguments, environment: ["PEFT_HOST_CACHE": scratch / "cache"])
        }

        private func train(_ output: String, _ more: String...) throws -> Program.Result {
            try run(Material.train(model: model, data: data, output: scratch / output) + more)
        }

        private func loss(_ adapter: String, _ more: String...) throws -> Double? {
            let result = try run(
                ["evaluate", "--adapter", scratch / adapter, "--data", data + "/test.tsv", "--json"] + more)
            #expect(result.code == 0, "\(result.error)")
            return try result.json().first?["loss"]?.double
        }

        @Test(arguments: ["nf4", "q8_0", "q4_0"])
        func trainsAndIsUsedAsItWasTrained(kind: String) throws {
            let first = try train("a", "--quantize", kind, "--json")
            try #require(first.code == 0, "\(first.error)")
            #expect(first.error.contains("quantising to \(kind.uppercased()): layer 14 of 14"))
            #expect(first.error.contains("(14 tensors in \(kind.uppercased()), 7 in F32)"))
            let second = try train("b", "--quantize", kind, "--json")
            #expect(second.code == 0 && !second.error.contains("quantising"))
            try expectSame(scratch / "a", scratch / "b")

            let measured = try first.json().last?["test"]?["loss"]?.double
            #expect(measured != nil)
            #expect(try loss("a") == measured)
            #expect(try loss("a", "--quantize", kind) == measured)
            let plain = try loss("a", "--quantize", "none")
            #expect(plain != nil && plain != measured)
        }

        @Test func aRunGoesOnWithTheBaseItBeganWith() throws {
            #expect(try train("a", "--quantize", "nf4").code == 0)
            #expect(try train("a", "--quantize", "nf4", "--resume").code == 0)
            try expectFailure(train("a", "--resume"), code: 1, ["quantize"])
        }

        @Test func errors() throws {
            try expectFailure(train("a", "--quantize", "nf5"), code: 2, ["--quantize", "nf4"])
            let quantised = try run(["logits", "--model", Material.model(), "--ids", "1", "--quantize", "nf4"])
            try expectFailure(quantised, code: 1, ["quantised already", "Q4_1", "--quantize"])
        }

        /// Nothing is kept, and nothing fails.
        @Test func aCacheThatCannotBeWritten() throws {
            try scratch.write("", "cache")
            let result = try run(["logits", "--model", model, "--ids", "1,2,3", "--quantize", "nf4"])
            #expect(result.code == 0 && result.error.contains("warning: "), "\(result.error)")
        }
    }
}
