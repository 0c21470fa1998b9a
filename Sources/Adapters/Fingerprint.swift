import Formats
import Models

extension Model {
    /// What tells this base from others of the same shape: a hash over its sizes, and over the beginning and the end of
    /// every tensor as it is stored. Reading it touches a few kilobytes a tensor.
    package func fingerprint() throws -> String {
        let hash = SHA256()
        hash.update("\(configuration)")
        for (name, shape) in configuration.tensors {
            let tensor = try tensor(name, shape: shape)
            hash.update("\(name) \(shape) \(tensor.weight.type)")
            let bytes = UnsafeRawBufferPointer(start: tensor.weight.data, count: tensor.bytes)
            hash.update(UnsafeRawBufferPointer(rebasing: bytes.prefix(512)))
            hash.update(UnsafeRawBufferPointer(rebasing: bytes.suffix(512)))
        }
        return hash.finish()
    }
}
