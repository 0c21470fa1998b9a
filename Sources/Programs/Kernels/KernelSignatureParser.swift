/// Reads the text of a ``KernelSignature`` from left to right.
struct KernelSignatureParser {
    /// Bytes of a signature; longer ones do not fit a node.
    static let maximumLength = 448

    private let text: String
    private let bytes: [UInt8]
    private var place = 0

    init(_ text: String) {
        self.text = text
        bytes = Array(text.utf8)
    }

    mutating func parse() throws(ProgramError) -> (arguments: [KernelSignature.Argument], returnsScalar: Bool) {
        guard bytes.count <= Self.maximumLength else {
            throw ProgramError("a signature has \(bytes.count) bytes; at most \(Self.maximumLength)")
        }
        var arguments: [KernelSignature.Argument] = []
        try expect("(")
        if !accept(")") {
            repeat { arguments.append(try argument()) } while accept(",")
            try expect(")")
        }
        var returnsScalar = false
        if accept("-") {
            guard bytes.indices.contains(place), bytes[place] == UInt8(ascii: ">") else {
                throw error("\"->\" is expected")
            }
            place += 1
            if peekName() == "f32" {
                _ = try name("f32")
                returnsScalar = true
            } else {
                repeat {
                    guard peekName() == "out" else { throw error("\"out\" or \"f32\" is expected behind the arrow") }
                    arguments.append(.array(try array()))
                } while accept(",")
            }
        }
        skipSpaces()
        guard place == bytes.count else { throw error("nothing may follow here") }
        guard arguments.count <= KernelSignature.maximumArguments else {
            throw error("\(arguments.count) arguments; at most \(KernelSignature.maximumArguments)")
        }
        return (arguments, returnsScalar)
    }

    private mutating func argument() throws(ProgramError) -> KernelSignature.Argument {
        if let word = peekName(), KernelSignature.Access(rawValue: word) != nil { return .array(try array()) }
        let start = place
        let value: KernelSignature.ScalarValue
        if peekName() != nil {
            var names = [try name("a name")]
            while accept("*") { names.append(try name("a size")) }
            value = .names(names)
        } else {
            value = .number(try number())
        }
        try expect(":")
        let word = try name("a type")
        guard let type = KernelSignature.ScalarType(rawValue: word) else {
            throw error(
                "\(word) is no type of a scalar; there are "
                    + KernelSignature.ScalarType.allCases.map(\.rawValue).joined(separator: ", "),
                at: place - word.count)
        }
        if case .number(let number) = value, !type.holds(number) {
            throw error("\(number) is no \(type)", at: start)
        }
        return .scalar(value, type)
    }

    /// in, out or inout, the element type, the sizes.
    private mutating func array() throws(ProgramError) -> KernelSignature.Array {
        let word = try name("in, out or inout")
        guard let access = KernelSignature.Access(rawValue: word) else { throw error("in, out or inout is expected") }
        let element = try name("f32 or i32")
        guard let dtype = [DType.f32, .i32].first(where: { $0.name == element }) else {
            throw error("\(element) is no type of elements; there are f32 and i32", at: place - element.count)
        }
        try expect("[")
        var sizes: [KernelSignature.Size] = []
        if !accept("]") {
            repeat { sizes.append(try size()) } while accept(",")
            try expect("]")
        }
        guard sizes.count <= ShapeRule.maximumRank else {
            throw error("\(sizes.count) axes; at most \(ShapeRule.maximumRank)")
        }
        return KernelSignature.Array(access: access, dtype: dtype, sizes: sizes)
    }

    private mutating func size() throws(ProgramError) -> KernelSignature.Size {
        if peekName() != nil { return .name(try name("a size")) }
        let start = place
        let number = try number()
        guard let size = Int(exactly: number), (0...1 << 34).contains(size) else {
            throw error("\(number) is no size", at: start)
        }
        return .number(size)
    }

    private mutating func number() throws(ProgramError) -> Double {
        skipSpaces()
        let digits = bytes[place...].prefix { byte in
            UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "+-.eE".utf8.contains(byte)
        }
        guard let number = Double(String(decoding: digits, as: UTF8.self)), number.isFinite else {
            throw error("an array, a name or a number is expected")
        }
        place += digits.count
        return number
    }

    // MARK: Words

    private mutating func skipSpaces() {
        while place < bytes.count, bytes[place] == UInt8(ascii: " ") { place += 1 }
    }

    private mutating func peekName() -> String? {
        skipSpaces()
        let word = bytes[place...].prefix { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: false
            }
        }
        guard let first = word.first, !(UInt8(ascii: "0")...UInt8(ascii: "9") ~= first) else { return nil }
        return String(decoding: word, as: UTF8.self)
    }

    private mutating func name(_ what: String) throws(ProgramError) -> String {
        guard let word = peekName() else { throw error("\(what) is expected") }
        place += word.utf8.count
        return word
    }

    private mutating func accept(_ character: Character) -> Bool {
        skipSpaces()
        guard place < bytes.count, bytes[place] == character.asciiValue else { return false }
        place += 1
        return true
    }

    private mutating func expect(_ character: Character) throws(ProgramError) {
        guard accept(character) else { throw error("\"\(character)\" is expected") }
    }

    /// Columns count from 1.
    private func error(_ message: String, at place: Int? = nil) -> ProgramError {
        ProgramError("the signature \(text.debugDescription), column \((place ?? self.place) + 1): \(message)")
    }
}
