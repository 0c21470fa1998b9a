import Generation
import Testing

struct StopTextTests {
    static let cases: [(stops: [String], text: String, shown: String)] = [
        ([], "all of it", "all of it"),
        (["\n\n"], "one\ntwo\n\nthree", "one\ntwo"),
        (["###", "END"], "a ## b EN c END d", "a ## b EN c "),
        (["abab"], "aabab", "a"),
        (["é!"], "caféé!", "café"),
        (["x"], "x", ""),
        (["never"], "nev", "nev"),
        (["bc", "abcd"], "zabcd", "za"),
    ]

    /// However the text comes, the same is shown, and never a part of a stop string.
    @Test(arguments: cases) func showsWhatIsBefore(_ item: (stops: [String], text: String, shown: String)) {
        let scalars = Array(item.text.unicodeScalars)
        for size in 1...Swift.max(scalars.count, 1) {
            var text = StopText(item.stops)
            var shown = ""
            for start in stride(from: 0, to: scalars.count, by: size) {
                let piece = scalars[start..<Swift.min(start + size, scalars.count)]
                shown += text.append(String(String.UnicodeScalarView(piece)))
                #expect(item.shown.hasPrefix(shown))
            }
            #expect(shown + text.finish() == item.shown, "pieces of \(size)")
            #expect(text.isStopped == (item.shown != item.text))
        }
    }
}
