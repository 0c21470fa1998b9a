import CPeftPlugin

/// A struct that a plugin makes. It grows at its end from one ABI to the next, and begins with its size in bytes.
protocol GrowingStruct {
    init()
    /// What every plugin's has.
    static var sizeInABI1: Int { get }
}

extension peft_plugin: GrowingStruct { static var sizeInABI1: Int { 144 } }
extension peft_hyperparameter: GrowingStruct { static var sizeInABI1: Int { 72 } }
extension peft_kernel: GrowingStruct { static var sizeInABI1: Int { 48 } }
extension peft_site: GrowingStruct { static var sizeInABI1: Int { 120 } }
extension peft_tensor: GrowingStruct { static var sizeInABI1: Int { 64 } }

/// Reads what a plugin made: structs that may be older or newer than ours, and strings.
struct PluginMemory {
    /// A struct or string longer than this is taken for garbage.
    private static let maximumSize = 1 << 16

    /// For errors: the library or the plugin's id.
    let place: String

    func fail(_ message: String, remedy: String = "") -> PluginError {
        PluginError(.broken, message, place: place, remedy: remedy)
    }

    /// What we know of a struct: zeros where it is an older and shorter one. Behind what we know only zeros may stand.
    func read<T: GrowingStruct>(_ type: T.Type, at pointer: UnsafeRawPointer?, _ name: String) throws(PluginError) -> T
    {
        guard let pointer else { throw fail("\(name) is NULL") }
        let known = MemoryLayout<T>.size
        let size = Int(pointer.loadUnaligned(as: UInt32.self))
        guard size >= T.sizeInABI1 else {
            throw fail(
                "\(name).struct_size is \(size), less than the \(T.sizeInABI1) bytes of ABI 1",
                remedy: "set it to sizeof(\(T.self))")
        }
        guard size <= Self.maximumSize else { throw fail("\(name).struct_size is \(size), which is no sensible size") }
        for offset in known..<Swift.max(known, size) where pointer.load(fromByteOffset: offset, as: UInt8.self) != 0 {
            throw PluginError(
                .incompatible, "\(name) uses byte \(offset), of which this host knows \(known)", place: place,
                remedy: "it needs a newer host")
        }
        var value = T()
        withUnsafeMutableBytes(of: &value) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: Swift.min(size, known)))
        }
        return value
    }

    /// A string that must be there.
    func string(_ pointer: UnsafePointer<CChar>?, _ name: String) throws(PluginError) -> String {
        guard let pointer else { throw fail("\(name) is NULL") }
        var count = 0
        while count <= Self.maximumSize, pointer[count] != 0 { count += 1 }
        guard count <= Self.maximumSize else { throw fail("\(name) has no end within \(Self.maximumSize) bytes") }
        let bytes = UnsafeRawBufferPointer(start: pointer, count: count)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw fail("\(name) is not UTF-8") }
        return text
    }
}
