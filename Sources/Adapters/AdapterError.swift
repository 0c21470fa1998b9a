/// Why an adapter cannot be read, written or used.
package struct AdapterError: Error, Equatable, CustomStringConvertible {
    /// One sentence that names the thing, with the numbers in question.
    package var message: String
    /// The adapter's folder or file.
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
