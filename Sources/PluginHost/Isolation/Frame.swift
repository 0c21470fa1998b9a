import Formats
import Programs

/// What goes between the host and its child, over a socket: 4 bytes length of the content (least first), 1 byte kind, the
/// content.
struct Frame: Equatable {
    enum Kind: UInt8 {
        // To the child.
        /// JSON: see ``ChildRequest``.
        case request = 1
        /// Token ids, 4 bytes each, least first.
        case ids
        /// Text: why there are none.
        case noIDs

        // To the host.
        /// Text: what of the plugin's code is about to run.
        case phase = 16
        /// Text.
        case warning
        /// Text: its ids are asked for.
        case tokenize

        // To the host, last.
        /// JSON: a `PluginError`.
        case failure = 32
        /// A coded method.
        case program
        /// JSON: an `ImportedConfig`, or null.
        case imported
        /// JSON: a manifest.
        case description
        /// JSON: a `SandboxReport`.
        case sandbox

        /// Bytes of the content at most.
        var limit: Int {
            switch self {
            case .request: 64 << 20
            case .program: MethodLimits().bytes
            case .imported: 16 << 20
            case .description, .tokenize, .ids: 1 << 20
            case .noIDs, .phase, .warning, .failure, .sandbox: 1 << 16
            }
        }
    }

    var kind: Kind
    var content: [UInt8]

    init(_ kind: Kind, _ content: [UInt8]) { (self.kind, self.content) = (kind, content) }
    /// Cut to what may be sent.
    init(_ kind: Kind, text: String) { self.init(kind, Array(text.utf8.prefix(kind.limit))) }
    init(_ kind: Kind, json: JSON) { self.init(kind, Array(json.text().utf8)) }

    static let headSize = 5

    var bytes: [UInt8] {
        let count = UInt32(content.count)
        return [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: count >> $0) } + [kind.rawValue] + content
    }

    var text: String { String(decoding: content, as: UTF8.self) }

    func json() throws(FormatError) -> JSON { try JSON.parse(content, place: "a message") }
}

/// Takes frames out of bytes as they come. Nothing is made of a length that was only announced.
struct FrameBuffer {
    struct Failure: Error { var message: String }

    private var bytes: [UInt8] = []
    private var start = 0

    mutating func append(_ more: some Sequence<UInt8>) {
        if start > 0 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes += more
    }

    /// The next frame, once it is there as a whole.
    mutating func next() -> Result<Frame, Failure>? {
        guard bytes.count - start >= Frame.headSize else { return nil }
        let count = (0..<4).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
        guard let kind = Frame.Kind(rawValue: bytes[start + 4]) else {
            return .failure(Failure(message: "a message of the unknown kind \(bytes[start + 4])"))
        }
        guard count <= kind.limit else {
            return .failure(
                Failure(message: "a message of \(count) bytes, where at most \(kind.limit) are allowed"))
        }
        let first = start + Frame.headSize
        guard bytes.count - first >= count else { return nil }
        start = first + count
        return .success(Frame(kind, Array(bytes[first..<start])))
    }
}
