import Formats
import Foundation

/// The finished runs of one experiment and side: a JSON line for each, of which none is ever changed.
package struct Journal {
    package struct Entry: Equatable, Sendable {
        package var hash: String
        package var method: String
        package var seed: Int
        /// ``RunSettings/json``: the same for all seeds.
        package var settings: JSON
        package var result: RunResult

        package init(_ settings: RunSettings, _ result: RunResult) {
            hash = settings.hash
            method = settings.method
            seed = settings.seed
            self.settings = settings.json
            self.result = result
        }

        fileprivate init(_ json: JSON) throws(GuideError) {
            guard let hash = json["hash"]?.string, let method = json["method"]?.string, let seed = json["seed"]?.int,
                let settings = json["settings"], let epochs = json["epochs"]?.array,
                let seconds = json["seconds"]?.double
            else { throw GuideError("no line of a journal") }
            (self.hash, self.method, self.seed, self.settings) = (hash, method, seed, settings)
            result = try RunResult(epochs: epochs, last: json, adapterBytes: nil, seconds: seconds)
        }

        fileprivate var json: JSON {
            .object(
                [
                    .init("hash", .string(hash)), .init("method", .string(method)),
                    .init("seed", .integer(Int64(seed))), .init("settings", settings),
                ] + result.members)
        }
    }

    package let path: String
    package private(set) var entries: [Entry] = []
    /// The file's whole lines.
    private var text = ""

    /// Reads the journal, where there is one.
    ///
    /// - Throws: an error that names the line that cannot be read. Only a last line without its end, which a run that was
    ///   killed can leave, is passed over.
    package init(_ path: String) throws {
        self.path = path
        guard FileManager.default.fileExists(atPath: path) else { return }
        let content = try MappedFile.content(path)
        let lines = content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (number, line) in lines.dropLast().enumerated() where !line.isEmpty {
            let place = "\(path):\(number + 1)"
            text += String(decoding: line, as: UTF8.self) + "\n"
            do {
                entries.append(try Entry(JSON.parse(line, place: place)))
            } catch let error as GuideError {
                throw GuideError(error.message, place: place, remedy: "take the line out")
            }
        }
    }

    package func has(_ hash: String) -> Bool { entries.contains { $0.hash == hash } }

    /// Adds a finished run; the file is replaced in one step, so that it always holds whole lines.
    package mutating func append(_ entry: Entry) throws {
        entries.append(entry)
        text += entry.json.text() + "\n"
        try AtomicFile.write(text, to: path)
    }

    /// The runs that count, by method in the order of `names` (others behind): of each method those with the settings of
    /// its last line, of each seed the last one, by seed.
    package func current(order names: [String]) -> [(method: String, runs: [Entry])] {
        var methods = names
        for entry in entries where !methods.contains(entry.method) { methods.append(entry.method) }
        return methods.compactMap { method in
            let own = entries.filter { $0.method == method }
            guard let settings = own.last?.settings else { return nil }
            var bySeed: [Int: Entry] = [:]
            for entry in own where entry.settings == settings { bySeed[entry.seed] = entry }
            return (method, bySeed.values.sorted { $0.seed < $1.seed })
        }
    }
}
