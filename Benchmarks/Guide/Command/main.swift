import Formats
import Foundation
import GuideExperiment

// The experiment of the guide: runs what its journals lack, and writes docs/Guide.md from them after every run.
// scripts/guide calls it.

signal(SIGPIPE, SIG_DFL)

/// A line at once, so that whoever reads a log sees how far it is.
func say(_ text: String, to file: FileHandle = .standardOutput) { file.write(Data((text + "\n").utf8)) }

do {
    let arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
    exit(try GuideRun(arguments).run())
} catch let error as UsageError {
    say("Error: \(error.message)\n\(Arguments.usage)", to: .standardError)
    exit(2)
} catch {
    say("Error: \(error)", to: .standardError)
    exit(1)
}
