import Formats
import Foundation
import Testing

extension HostTests {
    /// `--features`: a matrix of every row, which the method reads.
    @Suite struct FeaturesOfRows {
        private let scratch: Scratch
        private let model: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
            try write(shape: [2, 3], to: "features.safetensors")
            for (name, numbers) in [("train", 0..<32), ("valid", 32..<40), ("test", 40..<48)] {
                let lines = numbers.map { "the same words\t\($0 % 2 == 0 ? "no" : "yes")\tr\($0)\n" }
                try scratch.write("text\tlabel\tfeatures\n" + lines.joined(), "data/\(name).tsv")
            }
        }

        /// Tensors r0 … r47, in which only the sign says the label.
        private func write(shape: [Int], to file: String) throws {
            let tensors = (0..<48).map { row in
                let values = (0..<shape[0] * shape[1]).map {
                    Float(row % 2 == 0 ? -1 : 1) * (1 + Float(($0 + row) % 3) / 9)
                }
                return SafetensorsWriter.Tensor("r\(row)", shape: shape, .floats(values))
            }
            try SafetensorsWriter.write(tensors, to: scratch / file)
        }

        private func train(
            _ output: String, plugin: String = "LlamaAdapter", features: String? = "features.safetensors",
            length: Int = 2, data: String = "data", _ more: String...
        ) -> [String] {
            Material.train(
                model: model, data: scratch / data, output: scratch / output, plugin: plugin, "--learning-rate", "0.03",
                "--epochs", "12")
                + (plugin == "LoRA" ? [] : ["-o", "adapter_len=\(length)", "-o", "adapter_layers=2"])
                + (features.map { ["--features", scratch / $0] } ?? []) + more
        }

        @Test func decideTheLabel() throws {
            let lines = try Program.output(train("out") + ["--json"]).json()
            #expect(lines.last?["test"]?["accuracy"]?.double == 1)
            let features = ["--features", scratch / "features.safetensors"]
            let measured = try Program.output(
                ["evaluate", "--adapter", scratch / "out", "--data", scratch / "data/test.tsv", "--json"] + features)
            #expect(try measured.json().first?["accuracy"]?.double == 1)
            let predicted = try Program.output(
                ["predict", "--adapter", scratch / "out", "--json", scratch / "data/test.tsv"] + features
            ).json()
            #expect(predicted.map { $0["label"]?.string } == (40..<48).map { $0 % 2 == 0 ? "no" : "yes" })
        }

        @Test func errors() throws {
            try expectFailure(train("a", plugin: "LoRA"), code: 2, "--features", "LoRA")
            try expectFailure(train("b", length: 3), code: 1, "[3, 3]", "[2, 3]")
            try expectFailure(train("c", features: nil, "-o", "feature_size=3"), code: 1, "--features")
            try expectFailure(train("d", features: "none.safetensors"), code: 1, "none.safetensors")
            let good = (0..<4).map { "words\t\($0 % 2 == 0 ? "no" : "yes")\tr\($0)\n" }.joined()
            for (row, words) in [("a\tno\tmissing\n", ["\"missing\""]), ("a\tno\t\n", ["\"features\""])] {
                try scratch.write("text\tlabel\tfeatures\n" + good + row, "bad/train.tsv")
                try expectFailure(try Program.run(train("e", data: "bad")), code: 1, ["train.tsv:6"] + words)
            }
            try SafetensorsWriter.write(
                (0..<4).map { row in
                    let shape = row == 3 ? [3, 2] : [2, 3]
                    return SafetensorsWriter.Tensor("r\(row)", shape: shape, .floats(Array(repeating: 0.5, count: 6)))
                }, to: scratch / "mixed.safetensors")
            try scratch.write("text\tlabel\tfeatures\n" + good, "few/train.tsv")
            try expectFailure(
                train("f", features: "mixed.safetensors", data: "few"), code: 1, "train.tsv:5", "[3, 2]", "[2, 3]")
            try SafetensorsWriter.write(
                (0..<4).map { row in
                    .init("r\(row)", shape: [2, 3], .floats(Array(repeating: row == 2 ? .nan : 1, count: 6)))
                }, to: scratch / "nan.safetensors")
            try expectFailure(
                train("g", features: "nan.safetensors", data: "few"), code: 1, "train.tsv:4", "not finite")

            try Program.output(train("out") + ["--epochs", "1"])
            let predict = ["predict", "--adapter", scratch / "out"]
            try expectFailure(predict + [scratch / "data/test.tsv"], code: 1, "--features")
            try expectFailure(
                predict + ["--features", scratch / "features.safetensors"], code: 1, "standard input:1", "features",
                input: "words\n")
            try write(shape: [2, 4], to: "other.safetensors")
            try expectFailure(
                predict + ["--features", scratch / "other.safetensors", scratch / "data/test.tsv"], code: 1,
                "test.tsv:2",
                "[2, 4]", "[2, 3]")
            try expectFailure(["logits", "--adapter", scratch / "out", "--ids", "1,2"], code: 1, "features")
        }
    }
}
