import CPCRE2

/// A regular expression as Python's `re` reads it, near enough, whose matching takes a bounded number of steps: an expression
/// may come from somebody else's adapter, and `(a+)+b` takes more than a lifetime elsewhere.
final class Expression: @unchecked Sendable {
    /// Steps of one match: some milliseconds.
    private static let stepLimit: UInt32 = 100_000
    /// Of the memory that a match may take.
    private static let kibibytes: UInt32 = 4096

    private let code: OpaquePointer
    private let context: OpaquePointer?

    /// nil where the text is no expression.
    init?(_ text: String) {
        var (problem, offset) = (Int32(0), 0)
        let options = UInt32(PCRE2_UTF) | UInt32(PCRE2_NEVER_BACKSLASH_C)
        let compiled = Array(text.utf8).withUnsafeBufferPointer {
            pcre2_compile_8($0.baseAddress ?? Self.empty, $0.count, options, &problem, &offset, nil)
        }
        guard let compiled else { return nil }
        code = compiled
        context = pcre2_match_context_create_8(nil)
        pcre2_set_match_limit_8(context, Self.stepLimit)
        pcre2_set_depth_limit_8(context, Self.stepLimit)
        pcre2_set_heap_limit_8(context, Self.kibibytes)
    }

    deinit {
        pcre2_match_context_free_8(context)
        pcre2_code_free_8(code)
    }

    /// Whether it matches the whole text; nil where that takes too many steps.
    func matches(_ text: String) -> Bool? {
        guard let data = pcre2_match_data_create_from_pattern_8(code, nil) else { return nil }
        defer { pcre2_match_data_free_8(data) }
        let options = UInt32(PCRE2_ANCHORED) | UInt32(PCRE2_ENDANCHORED)
        let result = Array(text.utf8).withUnsafeBufferPointer {
            pcre2_match_8(code, $0.baseAddress ?? Self.empty, $0.count, 0, options, data, context)
        }
        return result >= 0 ? true : result == PCRE2_ERROR_NOMATCH ? false : nil
    }

    /// Where a text without a byte lies.
    private nonisolated(unsafe) static let empty = UnsafePointer(UnsafeMutablePointer<UInt8>.allocate(capacity: 1))
}
