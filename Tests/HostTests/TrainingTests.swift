import Formats
import Foundation
import Testing

extension HostTests {
    /// What a run writes and prints.
    @Suite struct Training {
        @Test func sameSeedSameBytes() throws {
            let scratch = try Scratch()
            let (model, data) = (try Material.tiny(scratch), try Material.data(scratch))
            for (output, threads) in [("a", "1"), ("b", "1"), ("c", "2"), ("d", "3")] {
                try Program.output(
                    Material.train(
                        model: model, data: data, output: scratch / output, "--threads", threads, "-o", "r=4", "-o",
                        "lora_dropout=0.1", "--batch-size", "5"))
            }
            for other in ["b", "c", "d"] { try expectSame(scratch / "a", scratch / other) }
            try Program.output(
                Material.train(model: model, data: data, output: scratch / "e", "--seed", "1", "-o", "r=4"))
            #expect(try AdapterFolder(scratch / "e").tensors() != AdapterFolder(scratch / "a").tensors())
        }

        @Test func theModelInAFileGivesTheSameBits() throws {
            let model = try Material.model()
            let scratch = try Scratch()
            let reviews = try String(contentsOfFile: Material.reviews() + "/train.tsv", encoding: .utf8).split(
                separator: "\n")
            try scratch.write(reviews.prefix(25).joined(separator: "\n") + "\n", "data/train.tsv")
            for threads in ["1", "2"] {
                try Program.output(
                    Material.train(
                        model: model, data: scratch / "data", output: scratch / threads, "--threads", threads,
                        "--epochs", "1",
                        "-o", "r=1"))
            }
            try expectSame(scratch / "1", scratch / "2")
        }

        @Test func jsonLines() throws {
            let scratch = try Scratch()
            let arguments = Material.train(
                model: try Material.tiny(scratch), data: try Material.data(scratch), output: scratch / "out", "--json",
                "--epochs", "2")
            let result = try Program.output(arguments)
            let lines = try result.json()
            try #require(lines.count == 3)
            for (number, line) in lines.dropLast().enumerated() {
                #expect(line["epoch"]?.int == number + 1)
                for key in [
                    "train_loss", "valid_loss", "roc_auc", "accuracy", "tokens_per_second", "peak_rss_mb",
                    "seconds_to_first_step",
                ] { #expect(line[key]?.double?.isFinite == true, "\(key)") }
            }
            #expect(lines[2]["adapter"]?.string == scratch / "out")
            #expect(lines[2]["trainable"]?.int == 2 * 2 * (8 * 64 + 64 * 8) + 2 * 64)
            #expect((lines[2]["peak_rss_mb"]?.double ?? 0) > 1)
            for key in ["loss", "roc_auc", "accuracy"] { #expect(lines[2]["test"]?[key]?.double != nil, "\(key)") }
            #expect(result.error.contains("trainable params: 4,224 || all params: "))
            #expect(try AdapterFolder(scratch / "out").metrics() == Array(lines.dropLast()))

            let evaluated = try Program.output(
                ["evaluate", "--adapter", scratch / "out", "--data", scratch / "data/test.tsv", "--json"]
            ).json()
            for key in ["loss", "roc_auc", "accuracy"] {
                #expect(evaluated.first?[key] == lines[2]["test"]?[key], "\(key)")
            }
        }

        @Test func tableForPeople() throws {
            let scratch = try Scratch()
            let result = try Program.output(
                Material.train(
                    model: try Material.tiny(scratch), data: try Material.data(scratch), output: scratch / "out",
                    "--epochs", "2")
            )
            #expect(result.output.hasPrefix("frozen: "))
            #expect(result.output.contains("\ntrainable params: "))
            for word in [
                "Training Loss", "Validation Loss", "ROC AUC", "Accuracy", "tokens/s", "test", "peak memory",
                scratch / "out",
            ] {
                #expect(result.output.contains(word), "\(word)")
            }
        }

        /// The folder is the best epoch's adapter; `last` the last one's.
        @Test func bestAndLast() throws {
            let scratch = try Scratch()
            let (model, data) = (try Material.tiny(scratch), try Material.data(scratch))
            // A rate at which the tiny model soon overfits its 24 rows.
            try Program.output(
                Material.train(
                    model: model, data: data, output: scratch / "out", "--epochs", "8", "--learning-rate", "0.1"))
            let folder = AdapterFolder(scratch / "out")
            let losses = try folder.metrics().compactMap { $0["valid_loss"]?.double }
            let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
            try #require(best < losses.count - 1, "the last epoch is the best: the test shows nothing")
            for (name, epoch) in [("out", best), ("out/last", losses.count - 1)] {
                let measured = try Program.output(
                    ["evaluate", "--adapter", scratch / name, "--data", data + "/valid.tsv", "--json"]
                ).json()
                #expect(measured.first?["loss"]?.double == losses[epoch], "\(name)")
            }
        }

        @Test func withoutValidationTheLast() throws {
            let scratch = try Scratch()
            let data = try Material.data(scratch, valid: nil, test: nil)
            let result = try Program.output(
                Material.train(model: try Material.tiny(scratch), data: data, output: scratch / "out", "--json"))
            #expect(try AdapterFolder(scratch / "out").tensors() == AdapterFolder(scratch / "out/last").tensors())
            let lines = try result.json()
            #expect(lines.last?["test"] == .null)
            #expect(lines.first?["valid_loss"] == .null)
        }

        @Test func accumulationIsALargerBatch() throws {
            let scratch = try Scratch()
            let (model, data) = (try Material.tiny(scratch), try Material.data(scratch))
            try Program.output(Material.train(model: model, data: data, output: scratch / "a", "--batch-size", "8"))
            try Program.output(
                Material.train(
                    model: model, data: data, output: scratch / "b", "--batch-size", "2",
                    "--gradient-accumulation-steps", "4"))
            let (a, b) = (try AdapterFolder(scratch / "a").metrics(), try AdapterFolder(scratch / "b").metrics())
            for (one, other) in zip(a, b) {
                for key in ["train_loss", "valid_loss"] {
                    let (x, y) = (try #require(one[key]?.double), try #require(other[key]?.double))
                    #expect(abs(x - y) <= 1e-5, "\(key)")
                }
            }
        }

        @Test func interrupted() throws {
            let scratch = try Scratch()
            let (model, data) = (try Material.tiny(scratch), try Material.data(scratch))
            let arguments = Material.train(
                model: model, data: data, output: scratch / "out", "--epochs", "100000", "--json")
            let running = try Program.Running(Program.path, arguments)
            try waitUntil { FileManager.default.fileExists(atPath: scratch / "out/adapter_config.json") }
            running.kill(SIGINT)
            try waitUntil { !running.isRunning }
            let result = try running.wait()
            #expect(result.code == 130)
            #expect(result.errorLines.last == "interrupted: the last checkpoint is kept; go on with --resume")
            for name in ["out", "out/last"] {
                try Program.output(["evaluate", "--adapter", scratch / name, "--data", data + "/test.tsv"])
            }
        }

        /// The method that is written in C gives the same bits.
        @Test func theMethodInC() throws {
            let scratch = try Scratch()
            let library = scratch / "libLoRA-c.so"
            guard let compiler = Compiler.name else { return }
            let built = try Program.Running(
                "/bin/sh", [Fixtures.repository.appending(path: "Examples/c/build").path, library],
                environment: ["CC": compiler]
            ).wait()
            try #require(built.code == 0, "\(built.error)")
            let (model, data) = (try Material.tiny(scratch), try Material.data(scratch))
            for (output, plugin) in [("swift", "LoRA"), ("c", library)] {
                try Program.output(
                    Material.train(
                        model: model, data: data, output: scratch / output, plugin: plugin, "-o", "r=4", "-o",
                        "lora_dropout=0.1"))
            }
            let (swift, c) = (AdapterFolder(scratch / "swift"), AdapterFolder(scratch / "c"))
            for key in ["train_loss", "valid_loss"] {
                let losses = try swift.metrics().map { $0[key]?.text() }
                #expect(losses.count == 3)
                #expect(try c.metrics().map { $0[key]?.text() } == losses)
            }
            for name in ["adapter_model.safetensors", "adapter_config.json", "last/adapter_model.safetensors"] {
                #expect(try c.content()[name] == swift.content()[name], "\(name)")
            }
        }
    }
}

/// Waits for something that another process does; at most a minute.
func waitUntil(_ condition: () -> Bool) throws {
    let end = Date(timeIntervalSinceNow: 60)
    while !condition() {
        try #require(Date() < end, "nothing happened for a minute")
        usleep(1000)
    }
}
