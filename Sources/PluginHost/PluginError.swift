/// What is wrong with a plugin, or with what the user asked of it.
package struct PluginError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// No library of that name.
        case notFound = "not found"
        /// A library that it would be unsafe to load.
        case refused
        /// A file that is no plugin.
        case notAPlugin = "not a plugin"
        /// A plugin and a host that do not speak the same ABI.
        case incompatible
        /// A plugin that breaks a rule of the interface.
        case broken
        /// What the plugin says it cannot do.
        case declined
        /// One that another with its id stands in front of.
        case shadowed
        /// A hyperparameter or target that the user gave.
        case setting
        /// Well-formed, but of a kind that this host does not run.
        case unsupported
    }

    package var code: Code
    /// One sentence that names the thing, with the numbers in question.
    package var message: String
    /// The library, the plugin's id or the setting's source.
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
