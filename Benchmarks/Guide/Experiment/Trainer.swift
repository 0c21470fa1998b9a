import Formats
import Foundation

/// Runs single trainings with peft-host, or with the reference's script.
package struct Trainer {
    /// A plugin that is built, as its manifest says it.
    package struct Plugin: Equatable, Sendable {
        package var version: String
        package var learningRate: Double

        package init(version: String, learningRate: Double) {
            self.version = version
            self.learningRate = learningRate
        }
    }

    package let host: String
    package let model: String
    package let data: String
    /// Each run works in a folder of its own here; that of an interrupted one stays, to go on with.
    package let work: String
    /// Python and the script; nil to train with peft-host.
    package let reference: (python: String, script: String)?

    package init(
        host: String, model: String, data: String, work: String, reference: (python: String, script: String)?
    ) {
        self.host = host
        self.model = model
        self.data = data
        self.work = work
        self.reference = reference
    }

    /// What `peft-host plugins list` finds, by id.
    package func plugins() throws -> [String: Plugin] {
        try Folder.make(work)
        var text = ""
        let code = try ChildProcess.run([host, "plugins", "list", "--json"], errors: work + "/plugins.err") {
            text += $0 + "\n"
        }
        guard code == 0 else { throw GuideError("plugins list ended with code \(code)", place: host) }
        var found: [String: Plugin] = [:]
        for item in try JSON.parse(text.utf8, place: "plugins list").array ?? [] {
            guard let manifest = item["manifest"], let id = manifest["id"]?.string,
                let version = manifest["version"]?.string, let rate = manifest["default_learning_rate"]?.double
            else { continue }
            found[id] = Plugin(version: version, learningRate: rate)
        }
        return found
    }

    /// Trains once.
    ///
    /// - Parameter epoch: told the line of every finished epoch.
    /// - Throws: `GuideError` with the last lines of the program's standard error where it fails.
    package func run(_ settings: RunSettings, _ method: GuideMethod, epoch: (JSON) -> Void) throws -> RunResult {
        let folder = "\(work)/\(settings.hash)"
        try Folder.make(folder)
        let started = Date()
        var lines: [JSON] = []
        let errors = folder + "/stderr.txt"
        let arguments = reference == nil ? ours(settings, folder) : theirs(settings, method)
        let code = try ChildProcess.run(arguments, environment: ["HF_HUB_OFFLINE": "1"], errors: errors) { text in
            guard let line = try? JSON.parse(text.utf8, place: "") else { return }
            lines.append(line)
            if line["epoch"] != nil { epoch(line) }
        }
        guard code == 0, let last = lines.last else {
            defer { if !ChildProcess.isInterrupted { try? FileManager.default.removeItem(atPath: folder) } }
            let tail = (try? String(contentsOfFile: errors, encoding: .utf8))?.split(separator: "\n").suffix(4) ?? []
            throw GuideError("ended with code \(code)\n    " + tail.joined(separator: "\n    "), place: settings.method)
        }
        var epochs = lines.filter { $0["epoch"] != nil }
        var bytes: Int?
        if reference == nil {
            // A run that was interrupted and went on printed only its later epochs.
            epochs = try MappedFile.content(folder + "/adapter/metrics.jsonl").split(separator: UInt8(ascii: "\n")).map
            {
                try JSON.parse($0, place: "metrics.jsonl")
            }
            let file = folder + "/adapter/adapter_model.safetensors"
            bytes = (try? FileManager.default.attributesOfItem(atPath: file))?[.size] as? Int
        }
        let result = try RunResult(
            epochs: epochs, last: last, adapterBytes: bytes, seconds: -started.timeIntervalSinceNow)
        try FileManager.default.removeItem(atPath: folder)
        return result
    }

    private func ours(_ settings: RunSettings, _ folder: String) -> [String] {
        let json = settings.json
        var arguments = [
            host, "train", "--plugin", text(json["plugin"]), "--model", model, "--data", data, "--task", "seq-cls",
            "--output", folder + "/adapter", "--seed", String(settings.seed), "--resume", "--json",
        ]
        for (option, field) in [
            ("--epochs", "epochs"), ("--batch-size", "batch_size"), ("--learning-rate", "learning_rate"),
            ("--schedule", "lr_scheduler_type"),
        ] { arguments += [option, text(json[field])] }
        return arguments + (json["options"]?.members ?? []).flatMap { ["-o", "\($0.key)=\(text($0.value))"] }
    }

    private func theirs(_ settings: RunSettings, _ method: GuideMethod) -> [String] {
        let run: JSON = [
            "config": method.peft?["config"] ?? nil, "seed": .integer(Int64(settings.seed)), "settings": settings.json,
        ]
        return [reference!.python, reference!.script, model, data, run.text()]
    }

    /// As a command line has it: strings without their quotes.
    private func text(_ value: JSON?) -> String { value.map { $0.string ?? $0.text() } ?? "" }
}
