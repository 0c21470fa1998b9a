/// Why the registry cannot do what it was asked for.
struct RegistryError: Error, CustomStringConvertible {
    var message: String
    /// A version, a folder, or the registry's file.
    var place: String
    var remedy = ""

    var description: String { "\(place): \(message)" + (remedy.isEmpty ? "" : "; \(remedy)") }
}
