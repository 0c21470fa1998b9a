import Formats
import Models
import Programs

/// What only this host writes beside an adapter: `peft_host.json`. (Hugging Face ignores other files.)
package struct Sidecar: Equatable, Sendable {
    package static let fileName = "peft_host.json"
    package static let programName = "method.program"

    /// Where the base was when the adapter was trained; tried when no model is given.
    package var basePath: String
    package var baseFingerprint: String
    package var task: Task
    /// Classification: names in the order of their numbers.
    package var labels: [String]
    package var pluginID: String
    package var pluginVersion: String
    package var pluginSHA256: String
    package var seed: UInt64
    /// The run's options, for people and audits.
    package var options: JSON

    package init(
        basePath: String, baseFingerprint: String, task: Task, labels: [String], pluginID: String,
        pluginVersion: String, pluginSHA256: String, seed: UInt64, options: JSON
    ) {
        self.basePath = basePath
        self.baseFingerprint = baseFingerprint
        self.task = task
        self.labels = labels
        self.pluginID = pluginID
        self.pluginVersion = pluginVersion
        self.pluginSHA256 = pluginSHA256
        self.seed = seed
        self.options = options
    }

    package var json: JSON {
        [
            "format": 1,
            "base": ["path": .string(basePath), "fingerprint": .string(baseFingerprint)],
            "task_type": .string(task.name),
            "labels": .array(labels.map(JSON.string)),
            "plugin": ["id": .string(pluginID), "version": .string(pluginVersion), "sha256": .string(pluginSHA256)],
            "seed": .integer(Int64(seed)),
            "options": options,
        ]
    }

    /// - Throws: `AdapterError` that names the member that is missing or malformed.
    package init(_ json: JSON, place: String) throws(AdapterError) {
        func missing(_ name: String) -> AdapterError {
            AdapterError("\"\(name)\" is missing or malformed", place: place)
        }
        guard let format = json["format"]?.int else { throw missing("format") }
        guard format == 1 else {
            throw AdapterError("written by a newer peft-host", place: place, remedy: "use that one")
        }
        guard let base = json["base"], let path = base["path"]?.string, let print = base["fingerprint"]?.string else {
            throw missing("base")
        }
        guard let plugin = json["plugin"], let id = plugin["id"]?.string, let version = plugin["version"]?.string,
            let hash = plugin["sha256"]?.string
        else { throw missing("plugin") }
        let labels = (json["labels"]?.array ?? []).compactMap(\.string)
        switch json["task_type"]?.string {
        case "CAUSAL_LM": task = .causalLM
        case "SEQ_CLS":
            guard labels.count >= 2 else { throw missing("labels") }
            task = .sequenceClassification(labels: labels.count)
        default: throw missing("task_type")
        }
        guard let seed = json["seed"]?.int else { throw missing("seed") }
        (basePath, baseFingerprint, self.labels) = (path, print, labels)
        (pluginID, pluginVersion, pluginSHA256) = (id, version, hash)
        self.seed = UInt64(bitPattern: Int64(seed))
        options = json["options"] ?? .null
    }
}
