/// Why the experiment cannot go on.
package struct GuideError: Error, Equatable, CustomStringConvertible {
    /// One sentence that names the thing, with the numbers in question.
    package var message: String
    /// The file or the method; empty where there is none.
    package var place: String
    /// What the user can do about it; empty where there is nothing to say.
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
