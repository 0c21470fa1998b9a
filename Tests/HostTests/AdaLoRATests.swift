import Formats
import Foundation
import Testing

extension HostTests {
    /// A method with a regularizer, an update after every step and a stored form of its own.
    @Suite struct AdaLoRA {
        private let scratch: Scratch
        private let model: String
        private let data: String

        init() throws {
            scratch = try Scratch()
            model = try Material.tiny(scratch)
            data = try Material.data(scratch)
        }

        private func train(_ output: String, epochs: Int = 3, _ more: String...) throws -> [JSON] {
            try Program.output(
                Material.train(
                    model: model, data: data, output: scratch / output, plugin: "AdaLoRA", "--json", "--epochs",
                    String(epochs),
                    "-o", "init_r=4") + more
            ).json()
        }

        private func ranks(_ folder: String) throws -> [[Bool]] {
            let pattern = try AdapterFolder(scratch / folder).configuration()["rank_pattern"]?.members ?? []
            return pattern.map { ($0.value.array ?? []).compactMap(\.bool) }
        }

        /// The folder holds what is kept, and runs as it was measured; a reader without our files sees the same.
        @Test(arguments: [("1", 4), ("0.5", 2)]) func pruned(target: String, kept: Int) throws {
            let lines = try train("out", "-o", "target_r=\(target)", "-o", "tfinal=2")
            let ranks = try ranks("out/last")
            #expect(ranks.count == 4 && ranks.allSatisfy { $0.count == 4 })
            #expect(ranks.joined().count(where: \.self) == kept)
            let tensors = try Safetensors(file: scratch / "out/last/adapter_model.safetensors").tensors
            let shapes = tensors.filter { $0.name.hasSuffix("lora_A") }.map { $0.shape[0] }.sorted()
            #expect(shapes == ranks.map { $0.count(where: \.self) }.sorted())
            let config = try AdapterFolder(scratch / "out").configuration()
            #expect(config["total_step"]?.int == 9 && config["target_r"]?.text() == target)
            #expect(config["kept_r"] == nil && config["kept_r_pattern"] == nil)

            try FileManager.default.createDirectory(atPath: scratch / "foreign", withIntermediateDirectories: false)
            for file in ["adapter_config.json", "adapter_model.safetensors"] {
                try FileManager.default.copyItem(atPath: scratch / "out/\(file)", toPath: scratch / "foreign/\(file)")
            }
            func logits(_ folder: String) throws -> [JSON] {
                try Program.output(["logits", "--model", model, "--adapter", scratch / folder, "--ids", "5,6,7"]).json()
            }
            #expect(try logits("foreign") == logits("out"))
            let measured = try Program.output(
                ["evaluate", "--adapter", scratch / "out", "--data", data + "/test.tsv", "--json"]
            ).json()
            #expect(measured.first?["loss"] == lines.last?["test"]?["loss"])
        }

        /// Between two allocations all that has an effect is stored: the folder gives the loss that was measured.
        @Test func betweenAllocations() throws {
            // Of twenty steps six are run; the fifth allocates.
            let lines = try train("out", epochs: 2, "-o", "target_r=1", "-o", "deltaT=4", "-o", "total_step=20")
            #expect(try ranks("out/last").joined().count(where: \.self) == 16)
            let measured = try Program.output(
                ["evaluate", "--adapter", scratch / "out/last", "--data", data + "/valid.tsv", "--json"]
            ).json()
            #expect(measured.first?["loss"] == lines[1]["valid_loss"])
        }

        /// The regularizer is of the parameters, not of the rows.
        @Test func accumulationCountsTheRegularizerOnce() throws {
            let whole = try train("whole", "-o", "target_r=1", "--batch-size", "6")
            let parts = try train(
                "parts", "-o", "target_r=1", "--batch-size", "2", "--gradient-accumulation-steps", "3")
            let without = try train(
                "without", "-o", "target_r=1", "--batch-size", "6", "-o", "orth_reg_weight=0")
            for epoch in 0..<3 {
                let (a, b) = (whole[epoch]["train_loss"]?.double ?? .nan, parts[epoch]["train_loss"]?.double ?? .nan)
                #expect(abs(a - b) < 1e-4)
                #expect(a > (without[epoch]["train_loss"]?.double ?? .nan) + 0.5)
                let (v, w) = (whole[epoch]["valid_loss"]?.double ?? .nan, parts[epoch]["valid_loss"]?.double ?? .nan)
                #expect(abs(v - w) < 1e-4)
            }
        }

        @Test func noStepToAllocateIn() throws {
            let result = try Program.run(
                Material.train(
                    model: model, data: data, output: scratch / "out", plugin: "AdaLoRA", "-o", "tinit=5", "-o",
                    "tfinal=4"))
            #expect(result.code == 1)
            #expect(result.error.contains("tinit 5 and tfinal 4 leave no step of total_step 9"), "\(result.error)")
        }
    }
}
