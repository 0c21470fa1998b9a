import Adapters
import ArgumentParser
import Formats
import Foundation
import Models
import Terminal

/// How adapters are combined: peft's `combination_type`.
private enum CombinationType: String, CaseIterable, ExpressibleByArgument {
    case cat, svd, linear, ties
    case tiesSVD = "ties_svd"
    case dareLinear = "dare_linear"
    case dareLinearSVD = "dare_linear_svd"
    case dareTies = "dare_ties"
    case dareTiesSVD = "dare_ties_svd"
    case magnitudePrune = "magnitude_prune"
    case magnitudePruneSVD = "magnitude_prune_svd"

    /// Whether whole changes are combined, not their factors.
    var isOfChanges: Bool { rawValue.hasSuffix("svd") }
    var electsSigns: Bool { rawValue.contains("ties") }
    var pruning: Arithmetic.Pruning {
        switch self {
        case .cat, .svd, .linear: .none
        case .ties, .tiesSVD, .magnitudePrune, .magnitudePruneSVD: .magnitude
        case .dareLinear, .dareLinearSVD, .dareTies, .dareTiesSVD: .random
        }
    }
}

extension Arithmetic.Majority: ExpressibleByArgument {}

struct Combine: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make one adapter of several for one base, each times a weight.",
        discussion: """
            Adapters are LoRA of any kind but DoRA, AdaLoRA or VeRA; the result is plain LoRA. cat is the sum, exactly, of a rank \
            that is the sum of theirs; svd the nearest to it of a smaller rank. The others weigh the adapters' factors number by \
            number (linear), keep the largest numbers (magnitude_prune), and those of the elected sign only (ties), or keep some at \
            random (dare_linear, dare_ties); with _svd at the end they do that with whole changes, of which the nearest of a rank \
            is written.
            """)

    @Option(
        help: ArgumentHelp(
            "An adapter's folder, and what its change is multiplied by (1 unless said). (repeatable)",
            valueName: "folder=weight"))
    var adapter: [String]

    @Option(help: "The base. (default: where it was when the first adapter was trained)") var model: String?
    @Option(
        help: ArgumentHelp(
            "How they are combined: \(CombinationType.allCases.map(\.rawValue).joined(separator: ", ")). (default: cat, with --rank svd)",
            valueName: "type"))
    private var combinationType: CombinationType?
    @Option(
        help: "The rank of the result, for svd and the types that end in it. (default: the largest of the adapters)")
    var rank: Int?
    @Option(help: "Which part of the numbers ties, dare and magnitude_prune keep, 0 to 1.") var density: Double?
    @Option(help: "Of ties: elect a number's sign by the sum (total) or by the count of signs (frequency).")
    var majoritySignMethod = Arithmetic.Majority.total
    @Option(help: "Of the random numbers of dare.") var seed: UInt64 = 0
    @Option(help: "The folder to write.") var output: String
    @Flag(help: "Replace what is at --output.") var overwrite = false

    private var type: CombinationType { combinationType ?? (rank == nil ? .cat : .svd) }

    func validate() throws {
        if let rank, rank < 1 { throw ValidationError("--rank \(rank): at least 1") }
        if rank != nil, !type.isOfChanges { throw ValidationError("--rank is for svd and the types that end in it") }
        if let density, !(0...1).contains(density) { throw ValidationError("--density \(density): 0 to 1") }
        if (density == nil) != (type.pruning == .none) {
            throw ValidationError(
                density == nil
                    ? "--combination-type \(type.rawValue): give --density, such as 0.5"
                    : "--density is for ties, dare and magnitude_prune")
        }
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
        let stored = try parts().map {
            (adapter: try StoredAdapter(RegistryProgram.folder($0.folder)), weight: $0.weight)
        }
        let path = try stored[0].adapter.basePath(model)
        let base = try Model(path)
        let updates = try stored.map { part in
            try part.adapter.checkBase(base)
            let update = try LowRankUpdate(part.adapter, base: base.configuration)
            return (update: update, weight: part.weight, place: part.adapter.folder)
        }
        let (result, note) = try combined(updates)
        try PlainLoRA(result, base: base.configuration, basePath: path, task: .causalLM).writeFolder(output)
        Output.line("\(output): \(result.layers.count) layers, rank \(Swift.max(result.rank, 1)), \(note)")
    }

    private func combined(_ updates: [LowRankUpdate.Part]) throws -> (LowRankUpdate, note: String) {
        var arithmetic = Arithmetic()
        (arithmetic.pruning, arithmetic.seed) = (type.pruning, seed)
        arithmetic.density = density ?? 1
        if type.electsSigns { arithmetic.majority = majoritySignMethod }
        func lost(_ part: Double) -> String { "\(String(format: "%.2g", part)) of it is lost" }
        let rank = rank ?? updates.map(\.update.rank).max()!
        switch type {
        case .cat: return (try LowRankUpdate.sum(updates), "exact")
        case .svd:
            let nearest = try LowRankUpdate.sum(updates).truncated(to: rank)
            return (nearest.update, lost(nearest.error))
        case _ where type.isOfChanges:
            let nearest = try LowRankUpdate.combined(updates, arithmetic, rank: rank)
            return (nearest.update, lost(nearest.error))
        default: return (try LowRankUpdate.combined(updates, arithmetic), type.rawValue)
        }
    }
}
