import PluginHost

/// What the file says, read without loading it.
extension Rule {
    static let file: [Rule] = [
        onFile("one-export", "exports \(PluginLibrary.entrySymbol) and nothing else") { library in
            let others = library.exports.filter { $0 != PluginLibrary.entrySymbol }
            return others.isEmpty
                ? nil
                : "exports \(others.count) other symbols (\(others.prefix(3).joined(separator: ", "))); link with exports.map"
        },
        onFile("no-executable-stack", "does not ask for executable stacks") {
            $0.hasExecutableStack ? "asks for executable stacks; link with -z noexecstack" : nil
        },
        onFile("no-text-relocations", "its code is loaded as it is") {
            $0.hasTextRelocations ? "has text relocations; compile with -fPIC and link with -z text" : nil
        },
        onFile("no-writable-code", "no memory of it is both written and run") {
            $0.hasWritableCode ? "has a segment that is writable and executable; keep data out of code sections" : nil
        },
        onFile("no-swift-runtime", "brings its own Swift runtime, or needs none", level: .distribution) { library in
            let runtime = library.needed.filter { $0.hasPrefix("libswift") || $0.hasPrefix("libFoundation") }
            return runtime.isEmpty
                ? nil
                : "needs \(runtime.joined(separator: ", ")), which differ from host to host; link with -static-stdlib"
        },
        onFile("no-absolute-runpath", "looks for libraries in no folder of one machine", level: .distribution) {
            let folders = $0.runPath.filter { $0.hasPrefix("/") }
            return folders.isEmpty ? nil : "has the RUNPATH \(folders.joined(separator: ":")); link without -rpath"
        },
        Rule("version", "its version is a semantic one", group: "file", need: .manifest) { subject in
            let version = try subject.manifest().version
            return isSemantic(version)
                ? .passed : .failed("the version \"\(version)\" is not MAJOR.MINOR.PATCH; write \"1.0.0\"")
        },
        Rule("license", "its licence is an SPDX expression", group: "file", need: .manifest) { subject in
            let license = try subject.manifest().license
            return isLicense(license)
                ? .passed : .failed("the licence \"\(license)\" is no SPDX identifier; write \"Apache-2.0\"")
        },
        Rule("peft-type", "its peft_type is upper-case, as Hugging Face's are", group: "file", need: .manifest) {
            let (type, parts) = (try $0.manifest().peftType, try $0.manifest().peftTypes)
            let isUpper =
                !parts.isEmpty
                && parts.joined().utf8.allSatisfy {
                    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                        || $0 == UInt8(ascii: "_")
                }
            return isUpper ? .passed : .failed("the peft_type \"\(type)\" has others than A to Z, 0 to 9 and '_'")
        },
        Rule("summaries", "says in a line what it is and what each hyperparameter is", group: "file", need: .manifest) {
            let manifest = try $0.manifest()
            let silent = manifest.hyperparameters.filter { $0.summary.allSatisfy(\.isWhitespace) }.map(\.name)
            if manifest.summary.allSatisfy(\.isWhitespace) { return .failed("its summary is empty") }
            return silent.isEmpty ? .passed : .failed("no summary of \(silent.joined(separator: ", "))")
        },
    ]

    private static func onFile(
        _ id: String, _ title: String, level: Level = .development,
        _ problem: @escaping @Sendable (PluginLibrary) -> String?
    ) -> Rule {
        Rule(id, title, group: "file", level: level, need: .manifest) { subject in
            try problem(subject.library()).map(Outcome.failed) ?? .passed
        }
    }

    /// MAJOR.MINOR.PATCH, with what may stand behind a '-' or a '+' (semver.org).
    private static func isSemantic(_ version: String) -> Bool {
        let core = version.prefix { $0 != "-" && $0 != "+" }
        let parts = core.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3
            && parts.allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { (48...57).contains($0) } && (part == "0" || part.first != "0")
            }
    }

    /// Identifiers, with AND, OR, WITH and parentheses between them.
    private static func isLicense(_ text: String) -> Bool {
        let words = text.split { " ()".contains($0) }
        return !words.isEmpty
            && words.allSatisfy { word in
                word.utf8.allSatisfy { byte in
                    byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "+")
                        || (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                }
            }
            && words.contains { $0.contains { $0.isLetter } && !["AND", "OR", "WITH"].contains($0) }
    }
}
