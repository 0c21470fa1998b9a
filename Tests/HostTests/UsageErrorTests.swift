import Foundation
import Testing

extension HostTests {
    /// What the command line shows by itself: code 2.
    @Suite struct UsageErrors {
        private let scratch: Scratch
        private let model: String
        private let data: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
            data = try Material.data(scratch)
        }

        private func train(_ more: String...) -> [String] {
            Material.train(model: model, data: data, output: scratch / "out") + more
        }

        @Test func options() throws {
            for (arguments, word) in [
                (["trian"], "trian"), (["--bogus"], "--bogus"), (train("--bogus"), "--bogus"), (["train"], "--plugin"),
                (["predict"], "--adapter"), (["tokenize", "--model"], "--model"), (train("extra"), "extra"),
            ] { try expectFailure(arguments, code: 2, word) }
        }

        @Test func values() throws {
            for (name, value) in [
                ("learning-rate", "abc"), ("learning-rate", "nan"), ("learning-rate", "inf"), ("epochs", "0"),
                ("epochs", "1.5"),
                ("batch-size", "0"), ("batch-size", "99999999999999999999"), ("schedule", "sine"), ("split", "2"),
                ("split", "0.5,0.5"),
                ("memory-limit", "much"), ("threads", "0"), ("class-weights", "some"), ("max-length", "1"),
                ("seed", "x"),
            ] { try expectFailure(train("--\(name)", value), code: 2, "--\(name)") }
            try expectFailure(train("--weight-decay=-1"), code: 2, "--weight-decay")
            try expectFailure(
                Material.train(model: model, data: data, output: scratch / "out", task: "cls"), code: 2, "--task",
                "seq-cls")
            try expectFailure(Material.train(model: model, data: data, output: ""), code: 2, "--output")
            for ids in ["", "1,a", "1,,2", "3000000000"] {
                try expectFailure(["logits", "--model", model, "--ids", ids], code: 2, "--ids")
            }
            try expectFailure(["logits", "--ids", "1"], code: 2, "--model")
        }

        @Test func hyperparameters() throws {
            for (option, words) in [
                ("lora_alhpa=3", ["lora_alhpa", "did you mean lora_alpha?"]), ("rr=3", ["rr", "did you mean r?"]),
                ("r=0", ["r: 0", "from 1 to 65536"]), ("r=65537", ["r: 65537", "65536"]),
                ("r=two", ["r: two", "integer"]),
                ("r=1.5", ["r: 1.5"]), ("lora_dropout=1.5", ["lora_dropout", "0.99"]), ("r", ["-o r", "name=value"]),
                ("=3", ["-o =3"]), ("rank_pattern=5", ["rank_pattern"]),
                ("rank_pattern={\"q_proj\": 0}", ["rank_pattern", "q_proj"]),
                ("target_modules=((", ["target_modules", "(("]),
                ("target_modules=q_porj", ["target_modules", "q_porj", "did you mean q_proj?"]),
                ("target_modules=.*none", ["target_modules", ".*none"]),
                ("layers_to_transform=9", ["layers_to_transform", "9"]),
                ("rank_pattern={\"qqq\": 3}", ["rank_pattern", "qqq"]),
            ] {
                let result = try Program.run(train("-o", option))
                try expectFailure(result, code: 2, words)
            }
            let result = try Program.run([
                "replay", Fixtures.path("goldens/lora-cls"), "--model", model, "--plugin", "LoRA", "-o", "rr=1",
            ])
            try expectFailure(result, code: 2, ["rr", "did you mean r?"])
            // Nothing has been touched.
            #expect(!FileManager.default.fileExists(atPath: scratch / "out/adapter_config.json"))
        }
    }
}
