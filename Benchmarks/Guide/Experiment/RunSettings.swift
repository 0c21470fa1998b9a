import Formats

/// The two experiments.
package enum Experiment: String, CaseIterable, Sendable {
    /// That of the practical guide: ten epochs, one row a step.
    case tenEpochs
    /// A short one with several seeds, which the reference runs too.
    case quick

    package var epochs: Int { self == .quick ? 3 : 10 }
    package var batchSize: Int { self == .quick ? 8 : 1 }
    package var seeds: [Int] { self == .quick ? [0, 1, 2] : [0] }
}

/// Who trains.
package enum Side: Sendable {
    case ours
    /// torch + peft.
    case reference
}

/// Everything that the result of a run depends on.
package struct RunSettings: Equatable, Sendable {
    package var method: String
    package var seed: Int
    /// All but the seed, as the journal keeps it.
    package var json: JSON

    /// - Parameters:
    ///   - version: of the plugin, or of the reference.
    ///   - learningRate: the table's, or the plugin's default.
    ///   - data: ``Fingerprint/ofData(_:)``.
    package init(
        _ method: GuideMethod, _ experiment: Experiment, _ side: Side, seed: Int, version: String, learningRate: Double,
        model: String, data: String
    ) {
        self.method = method.name
        self.seed = seed
        var options = side == .reference ? method.peft?["options"]?.members ?? method.options : method.options
        for member in experiment == .tenEpochs ? method.tenEpochs : [] {
            options.removeAll { $0.key == member.key }
            options.append(member)
        }
        json = [
            "plugin": .string(method.plugin), "version": .string(version), "options": .object(options),
            "learning_rate": .number(learningRate), "lr_scheduler_type": "linear",
            "epochs": .integer(Int64(experiment.epochs)), "batch_size": .integer(Int64(experiment.batchSize)),
            "model": .string(model), "data": .string(data),
        ]
    }

    /// Equal settings have equal hashes: 16 hexadecimal digits.
    package var hash: String { Fingerprint.of("\(method)\n\(seed)\n\(json.text())".utf8) }
}

/// FNV-1a of 64 bits (Fowler, Noll and Vo 1991): tells settings and files apart; it is no protection against forgers.
package enum Fingerprint {
    package static func of(_ bytes: some Sequence<UInt8>) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Of the three files that a run reads.
    package static func ofData(_ folder: String) throws -> String {
        of(try ["train", "valid", "test"].flatMap { try MappedFile.content("\(folder)/\($0).tsv") })
    }
}
