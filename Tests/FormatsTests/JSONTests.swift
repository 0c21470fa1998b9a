import Formats
import Testing

@Suite struct JSONTests {
    @Test func keepsTheOrderOfMembersAndTheKindOfNumbers() throws {
        let text = #"{"b": 1, "a": [1.0, -2500.0, true, null], "c": {"é\n": "\"\\"}}"#
        let value = try JSON.parse(text.utf8, place: "test")
        #expect(value.members?.map(\.key) == ["b", "a", "c"])
        #expect(value["a"] == [1.0, -2500.0, true, nil])
        #expect(value.text() == text)
    }

    @Test func joinsSurrogatesAndReplacesLoneOnes() throws {
        #expect(try JSON.parse(#""\ud83d\ude00 \ud83d!""#.utf8, place: "test") == "😀 \u{FFFD}!")
    }

    @Test(arguments: ["", "{", "[1,]", "01", "1.", "\"a", "\"\\x\"", "{\"a\" 1}", "nul", "1 2", "\"\u{1}\""])
    func refuses(_ text: String) {
        #expect(throws: FormatError.self) { try JSON.parse(text.utf8, place: "test") }
    }

    @Test func refusesDeepNesting() {
        #expect(throws: FormatError.self) {
            try JSON.parse(String(repeating: "[", count: 100_000).utf8, place: "test")
        }
    }
}
