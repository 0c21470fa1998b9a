import Testing

/// That a run ends with this code and says why as every error must: at most six lines, the first of which names the thing.
func expectFailure(
    _ arguments: [String], code: Int32, _ words: String..., input: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    try expectFailure(try Program.run(arguments, input: input), code: code, words, sourceLocation: sourceLocation)
}

func expectFailure(
    _ result: Program.Result, code: Int32, _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
) throws {
    #expect(result.code == code, "\(words): \(result.error)", sourceLocation: sourceLocation)
    let lines = result.errorLines.drop { !$0.hasPrefix("Error: ") }
    let first = try #require(lines.first, "no error for \(words): \(result.error)", sourceLocation: sourceLocation)
    #expect(result.errorLines.count <= 6, "\(result.error)", sourceLocation: sourceLocation)
    for word in words { #expect(first.contains(word), "\(first)", sourceLocation: sourceLocation) }
    for word in ["Fatal error", "Backtrace", "crashed", "NSCocoaErrorDomain", "could not be completed"] {
        #expect(!result.error.contains(word), "\(result.error)", sourceLocation: sourceLocation)
    }
}
