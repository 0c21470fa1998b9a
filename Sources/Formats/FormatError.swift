/// What is wrong with a file, said so that the reader can mend it.
package struct FormatError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// The file, or a part that it promises, is not there.
        case missing
        /// The bytes end before what the file's own header promises.
        case truncated
        /// The bytes contradict themselves or the format.
        case corrupt
        /// Well-formed, but of a kind that is not implemented.
        case unsupported
        /// The operating system refused to read or write.
        case inputOutput
    }

    package var code: Code
    /// One sentence that names the thing, with the numbers in question.
    package var message: String
    /// File, and where it helps the line or byte offset: `train.tsv:3`.
    package var place: String
    /// What the user can do about it; empty where there is nothing to say.
    package var remedy: String

    package init(_ code: Code, _ message: String, place: String, remedy: String = "") {
        self.code = code
        self.message = message
        self.place = place
        self.remedy = remedy
    }

    package var description: String {
        remedy.isEmpty ? "\(place): \(message)" : "\(place): \(message); \(remedy)"
    }
}
