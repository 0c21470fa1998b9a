import Formats
import Testing

@Suite struct DataFileTests {
    private func read(_ text: some Sequence<UInt8>, _ kind: String) throws -> DataTable {
        let folder = try TemporaryFolder()
        return try DataFile.read(try folder.write(text, "train.\(kind)"))
    }

    @Test func readsTSV() throws {
        let table = try read("text\tlabel\nsays \"hi\", 'so'\tgood\r\n\tbad\nend\tgood".utf8, "tsv")
        #expect(table.columns == ["text", "label"])
        #expect(table.records.map(\.line) == [2, 3, 4])
        #expect(table.records.map { $0["text"] } == ["says \"hi\", 'so'", "", "end"])
        #expect(table.records.map { $0["label"] } == ["good", "bad", "good"])
        #expect(table.place(table.records[1]).hasSuffix("/train.tsv:3"))
    }

    @Test func readsCSV() throws {
        let text = "text,label\r\n\"a \"\"b\"\", c\r\nd\",x\r\nplain,\r\n\"\",\"y\"\n\"\n\n\",z"
        let table = try read(text.utf8, "csv")
        #expect(table.records.map { $0["text"] } == ["a \"b\", c\r\nd", "plain", "", "\n\n"])
        #expect(table.records.map { $0["label"] } == ["x", "", "y", "z"])
        #expect(table.records.map(\.line) == [2, 4, 5, 6])
    }

    @Test func readsJSONLines() throws {
        let table = try read(
            "{\"text\": \"a\\nb\", \"label\": 3}\n{\"messages\": [{\"role\": \"user\"}], \"text\": null}\n".utf8,
            "jsonl")
        #expect(table.columns == ["text", "label", "messages"])
        #expect(table.records[0]["text"] == "a\nb")
        #expect(table.records[0]["label"] == 3)
        #expect(table.records[1]["label"] == nil)
        #expect(table.records[1]["text"] == .null)
        #expect(table.records[1]["messages"] == [["role": "user"]])
        #expect(table.records.map(\.line) == [1, 2])
    }

    @Test(arguments: [
        ("tsv", "a\tb\n"), ("csv", "a,b\r\n"), ("tsv", "\u{FEFF}a\tb\n1\t2\n\n"), ("csv", "\u{FEFF}a,b\n1,2\r\n\r\n"),
    ])
    func takesAByteOrderMarkNoRowsAndAFinalEmptyLine(_ kind: String, _ text: String) throws {
        let table = try read(text.utf8, kind)
        #expect(table.columns == ["a", "b"])
        #expect(table.records.count == (text.contains("1") ? 1 : 0))
    }

    @Test func acceptsExtensionsInCapitals() throws {
        #expect(try read("a\n1\n".utf8, "TSV").records.count == 1)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let kind: String
        let bytes: [UInt8]
        /// Line, or 0 where the error is the whole file's.
        let line: Int
        let message: String
        var testDescription: String { "\(kind): \(message) at \(line)" }

        init(_ kind: String, _ text: String, _ line: Int, _ message: String) {
            self.init(kind, Array(text.utf8), line, message)
        }

        init(_ kind: String, _ bytes: [UInt8], _ line: Int, _ message: String) {
            self.kind = kind
            self.bytes = bytes
            self.line = line
            self.message = message
        }
    }

    static let cases: [Case] = [
        Case("txt", "a", 0, "the kind of data is not known"), Case("tsv", "", 0, "the file is empty"),
        Case("tsv", "\u{FEFF}", 0, "the file is empty"), Case("csv", "", 0, "the file is empty"),
        Case("jsonl", "", 0, "the file is empty"),
        Case("tsv", "a\tb\n1\t2\n1\n", 3, "1 fields, but the header names 2"),
        Case("tsv", "a\tb\n1\t2\t3\n", 2, "3 fields"), Case("csv", "a,b\n\"x\ny\",1\n1,2,3\n", 4, "3 fields, but"),
        Case("csv", "a,b\n1,2\n\"x\ny\"\n", 3, "1 fields"), Case("tsv", "a\ta\n", 1, "two columns are named 'a'"),
        Case("csv", "a,,b\n", 1, "column 2 has no name"), Case("tsv", "a\t\n", 1, "column 2 has no name"),
        Case("tsv", "a\n1\n\n2\n", 3, "the line is blank"), Case("tsv", "a\n1\n\n\n", 3, "the line is blank"),
        Case("csv", "a\n1\n\r\n2\n", 3, "the line is blank"), Case("csv", "\na\n", 1, "the line is blank"),
        Case("jsonl", "{}\n\n{}\n", 2, "the line is blank"), Case("tsv", "\n", 1, "the line is blank"),
        Case("tsv", Array("a\nok\n".utf8) + [0xFF, 0x0A], 3, "not UTF-8"),
        Case("csv", Array("a\n\"ok\n".utf8) + [0xC3, 0x0A, 0x22], 3, "not UTF-8"),
        Case("jsonl", Array("{}\n{\"a\":\"".utf8) + [0xED, 0xA0, 0x80, 0x22, 0x7D], 2, "not UTF-8"),
        Case("csv", "a\n\"open\nand\nopen", 2, "without its closing quote"),
        Case("csv", "a\nx\"y\"\n", 2, "a quote inside"),
        Case("csv", "a\n\"x\"y\n", 2, "after the closing quote"), Case("csv", "a\rb\n", 1, "a carriage return without"),
        Case("jsonl", "{}\n{\"a\":}\n", 2, "not a JSON value"), Case("jsonl", "{}\n[1]\n", 2, "not a JSON object"),
        Case("jsonl", "{}{}\n", 1, "text after the end"),
    ]

    @Test(arguments: cases) func refuses(_ item: Case) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(item.bytes, "train.\(item.kind)")
        let error = #expect(throws: FormatError.self) { try DataFile.read(path) }
        #expect(error?.message.contains(item.message) == true, "\(error?.message ?? "")")
        #expect(error?.place == (item.line == 0 ? path : "\(path):\(item.line)"))
    }
}
