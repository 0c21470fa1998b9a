import Adapters
import ArgumentParser
import Formats
import Foundation
import Models

struct Combine: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Add adapters for one base, each times a weight, to a new one.",
        discussion: """
            Adapters are LoRA of any kind but DoRA, AdaLoRA or VeRA; the sum is plain LoRA. It is exact, and its rank is the sum \
            of theirs, unless --rank asks for the nearest of a smaller rank.
            """)

    @Option(
        help: ArgumentHelp(
            "An adapter's folder, and what its change is multiplied by (1 unless said). (repeatable)",
            valueName: "folder=weight"))
    var adapter: [String]

    @Option(help: "The base. (default: where it was when the first adapter was trained)") var model: String?
    @Option(help: "The rank of the result, by singular value decomposition. (default: what is exact)") var rank: Int?
    @Option(help: "The folder to write.") var output: String
    @Flag(help: "Replace what is at --output.") var overwrite = false

    func validate() throws {
        if let rank, rank < 1 { throw ValidationError("--rank \(rank): at least 1") }
        _ = try parts()
    }

    private func parts() throws -> [(folder: String, weight: Double)] {
        guard !adapter.isEmpty else { throw ValidationError("--adapter: at least one") }
        return try adapter.map { text in
            guard let equals = text.lastIndex(of: "=") else { return (text, 1) }
            guard let weight = Double(text[text.index(after: equals)...]), weight.isFinite else {
                throw ValidationError("--adapter \(text): write it as folder=weight, such as adapters/a=0.7")
            }
            return (String(text[..<equals]), weight)
        }
    }

    func run() throws {
        guard overwrite || !FileManager.default.fileExists(atPath: output + "/adapter_config.json") else {
            throw AdapterError("there is an adapter already", place: output, remedy: "replace it with --overwrite")
        }
        try Folder.check(output)
        let stored = try parts().map { (adapter: try StoredAdapter($0.folder), weight: $0.weight) }
        guard let path = model ?? stored[0].adapter.sidecar?.basePath else {
            throw AdapterError(
                "it does not say which base it belongs to", place: stored[0].adapter.folder,
                remedy: "give it with --model")
        }
        let base = try Model(path)
        let updates = try stored.map { part in
            try part.adapter.checkBase(base)
            let update = try LowRankUpdate(part.adapter, base: base.configuration)
            return (update: update, weight: part.weight, place: part.adapter.folder)
        }
        var sum = try LowRankUpdate.sum(updates)
        var note = "exact"
        if let rank {
            let nearest = try sum.truncated(to: rank)
            sum = nearest.update
            note = "\(String(format: "%.2g", nearest.error)) of the sum is lost"
        }
        try PlainLoRA(sum, base: base.configuration, basePath: path, task: .causalLM).writeFolder(output)
        Output.line("\(output): \(sum.layers.count) layers, rank \(Swift.max(sum.rank, 1)), \(note)")
    }
}
