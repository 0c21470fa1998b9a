/// Who this host is, to plugins and to people.
package enum HostVersion {
    package static let product = "peft-host"
    package static let number = "1.0.0"
    package static let text = "\(product) \(number)"
}
