import Engine
import Formats
import Foundation

/// Finds the files of a data folder and reads their rows, split into training, validation and test.
package struct DataSource: Sendable {
    /// The rows to learn from; at least one.
    package var train: [Row]
    package var valid: [Row]
    package var test: [Row]

    /// A record with the words that name it in an error: `train.tsv:3`.
    package struct Row: Sendable {
        package var record: DataTable.Record
        package var place: String

        package init(record: DataTable.Record, place: String) {
            self.record = record
            self.place = place
        }
    }

    /// - Parameters:
    ///   - path: a folder with `train`, `valid` and `test` (`.tsv`, `.csv` or `.jsonl`; only `train` must be there), or
    ///     one file.
    ///   - split: the shares of validation and test that are drawn from the training rows where there are no such files.
    /// - Throws: `FormatError` or `TrainingError` that name file and line.
    package init(_ path: String, split: (valid: Double, test: Double)?, seed: UInt64) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw TrainingError(
                "there are no such data", place: path,
                remedy: "give a folder with train, valid and test (.tsv, .csv or .jsonl), or one file with --split")
        }
        if isFolder.boolValue {
            guard let rows = try DataSource.rows(path, "train") else {
                throw TrainingError("there is no train.tsv, train.csv or train.jsonl", place: path)
            }
            train = rows
            valid = try DataSource.rows(path, "valid") ?? []
            test = try DataSource.rows(path, "test") ?? []
        } else {
            train = try DataSource.rows(path)
            (valid, test) = ([], [])
        }
        guard !train.isEmpty else { throw TrainingError("the training data have no rows", place: path) }
        guard let split else { return }
        guard valid.isEmpty, test.isEmpty else {
            throw TrainingError(
                "--split is for data without validation and test files of their own", place: path,
                remedy: "leave it out")
        }
        let order = Shuffle(seed: seed, "split").order(train.count)
        let validCount = Int((Double(train.count) * split.valid).rounded())
        let testCount = Int((Double(train.count) * split.test).rounded())
        guard validCount + testCount < train.count else {
            throw TrainingError("--split leaves none of the \(train.count) rows for training", place: path)
        }
        let rows = train
        valid = order[..<validCount].sorted().map { rows[$0] }
        test = order[validCount..<(validCount + testCount)].sorted().map { rows[$0] }
        train = order[(validCount + testCount)...].sorted().map { rows[$0] }
    }

    private static func rows(_ folder: String, _ name: String) throws -> [Row]? {
        let found = ["tsv", "csv", "jsonl"].map { "\(folder)/\(name).\($0)" }
            .filter { FileManager.default.fileExists(atPath: $0) }
        guard found.count < 2 else {
            throw TrainingError(
                "there is more than one: \(found.joined(separator: ", "))", place: folder, remedy: "keep one")
        }
        return try found.first.map { try rows($0) }
    }

    /// The rows of one file.
    package static func rows(_ path: String) throws -> [Row] {
        let table = try DataFile.read(path)
        return table.records.map { Row(record: $0, place: table.place($0)) }
    }

    /// The rows of a file to predict for: of `.tsv`, `.csv` and `.jsonl` their column `text`, of others every line that is not blank.
    package static func texts(_ path: String) throws -> [Row] {
        if ["tsv", "csv", "jsonl"].contains(URL(filePath: path).pathExtension.lowercased()) { return try rows(path) }
        let bytes = try MappedFile.content(path)
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return try lines.enumerated().filter { $1.contains { !$0.isWhiteSpace } }
            .map { try line($1, place: "\(path):\($0 + 1)", line: $0 + 1) }
    }

    /// A row of nothing but a text.
    package static func line(_ bytes: some Sequence<UInt8>, place: String, line: Int) throws -> Row {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw TrainingError("the line is not UTF-8", place: place)
        }
        return Row(record: DataTable.Record(line: line, values: ["text": .string(text)]), place: place)
    }
}

extension UInt8 {
    /// A space, a tab or a carriage return.
    package var isWhiteSpace: Bool { [0x20, 0x09, 0x0D].contains(self) }
}

/// Orders that the seed and a name fix: counter-based, so nothing but them enters.
package struct Shuffle: Sendable {
    private let key: RandomKey

    package init(seed: UInt64, _ name: String) { key = RandomKey(seed: seed, "shuffle|\(name)") }

    /// A random order of 0 ..< count (Fisher & Yates).
    package func order(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        let draws = key.uniform(Swift.max(count, 1))
        for place in order.indices.dropFirst().reversed() {
            order.swapAt(place, Swift.min(Int(Double(draws[place]) * Double(place + 1)), place))
        }
        return order
    }
}
