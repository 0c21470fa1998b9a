/// Why a model cannot be opened.
package struct ModelError: Error, Equatable, CustomStringConvertible {
    /// One sentence that names the thing, with the numbers in question.
    package var message: String
    /// The file or folder.
    package var place: String
    /// What the user can do about it; empty where there is nothing to say.
    package var remedy: String

    package init(_ message: String, place: String, remedy: String = "") {
        self.message = message
        self.place = place
        self.remedy = remedy
    }

    package var description: String {
        remedy.isEmpty ? "\(place): \(message)" : "\(place): \(message); \(remedy)"
    }
}
