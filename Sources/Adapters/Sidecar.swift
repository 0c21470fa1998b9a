import Formats
import Foundation
import Models
import Programs

/// What only this host writes beside an adapter: `peft_host.json`. (Hugging Face ignores other files.)
package struct Sidecar: Equatable, Sendable {
    package static let fileName = "peft_host.json"
    /// The file with the method as it was traced.
    package static let programName = "method.program"
    /// The file with tensors that only training needs, and with the buffers that it has changed.
    package static let stateName = "trainable_state.safetensors"

    /// Where the base was when the adapter was trained; tried when no model is given.
    package var basePath: String
    /// ``Model/fingerprint()`` of the base.
    package var baseFingerprint: String
    /// How the host kept the base while the adapter was trained, and does when it is used, unless told otherwise.
    package var quantization: Quantization
    package var task: Task
    /// Classification: names in the order of their numbers.
    package var labels: [String]
    package var pluginID: String
    package var pluginVersion: String
    /// Of the library's file.
    package var pluginSHA256: String
    package var seed: UInt64
    /// What tells the rows that it was trained on, and measured by, from others; nil for adapters from before there was one.
    package var dataSHA256: String?
    /// ``hash(of:)`` the configuration beside it; nil for adapters from before there was one.
    package var configurationSHA256: String?
    /// The run's options, for people and audits.
    package var options: JSON

    /// What there is to say of a method on a model.
    ///
    /// - Throws: errors of reading the base or the plugin's library.
    package init(_ model: AdaptedModel, _ method: TracedMethod, labels: [String], options: JSON) throws {
        basePath = URL(filePath: model.model.path).standardizedFileURL.path
        baseFingerprint = try model.model.fingerprint()
        quantization = model.model.quantization
        task = model.task
        self.labels = labels
        pluginID = method.library.manifest.id
        pluginVersion = method.library.manifest.version
        pluginSHA256 = try SHA256.file(method.library.path)
        seed = model.seed
        self.options = options
    }

    /// What tells one `adapter_config.json` from another; where the base is may change.
    package static func hash(of configuration: JSON) -> String {
        let members = (configuration.members ?? []).filter {
            !["base_model_name_or_path", "revision", "inference_mode"].contains($0.key)
        }
        return SHA256.of(Array(JSON.object(members.sorted { $0.key < $1.key }).text().utf8))
    }

    /// The file's content.
    package var json: JSON {
        [
            "format": 1,
            "base": [
                "path": .string(basePath), "fingerprint": .string(baseFingerprint),
                "quantize": .string(quantization.rawValue),
            ],
            "task_type": .string(task.name),
            "labels": .array(labels.map(JSON.string)),
            "plugin": ["id": .string(pluginID), "version": .string(pluginVersion), "sha256": .string(pluginSHA256)],
            "seed": .integer(Int64(seed)),
            "data_sha256": dataSHA256.map(JSON.string) ?? nil,
            "configuration_sha256": configurationSHA256.map(JSON.string) ?? nil,
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
        // Adapters from before there was a choice were trained on the base as it is.
        guard let quantization = Quantization(rawValue: base["quantize"]?.string ?? "none") else {
            throw missing("quantize")
        }
        self.quantization = quantization
        guard let plugin = json["plugin"], let id = plugin["id"]?.string, let version = plugin["version"]?.string,
            let hash = plugin["sha256"]?.string
        else { throw missing("plugin") }
        let names = json["labels"]?.array ?? []
        let labels = names.compactMap(\.string)
        guard labels.count == names.count else { throw missing("labels") }
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
        dataSHA256 = json["data_sha256"]?.string
        configurationSHA256 = json["configuration_sha256"]?.string
        options = json["options"] ?? .null
    }
}
