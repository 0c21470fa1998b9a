/// Why there is no answer.
package struct GenerationError: Error, CustomStringConvertible {
    package var message: String
    /// What the message is about: a file, or a prompt.
    package var place: String
    package var remedy: String

    package init(_ message: String, place: String = "", remedy: String = "") {
        self.message = message
        self.place = place
        self.remedy = remedy
    }

    package var description: String {
        (place.isEmpty ? "" : "\(place): ") + message + (remedy.isEmpty ? "" : "; \(remedy)")
    }
}
