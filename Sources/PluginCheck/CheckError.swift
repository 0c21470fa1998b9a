/// Why a plugin could not be checked at all.
package struct CheckError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
