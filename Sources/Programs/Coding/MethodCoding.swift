/// How large a coded method may be.
package struct MethodLimits: Hashable, Sendable {
    package var bytes = 64 << 20
    package var graphs = 4096
    /// All graphs together.
    package var nodes = 1 << 20
    package var sites = 1 << 14
    /// Of one site, or of the method.
    package var tensors = 4096
    /// Entries of a list: settings, targets, stored names, config fields.
    package var entries = 1 << 20
    /// Bytes of one setting or config field.
    package var text = 1 << 20
    package var graph = CodingLimits()

    package init() {}
}

/// The coded form of a whole method: magic, names, settings, graphs, then everything that refers to the graphs by number.
/// What is decoded is verified: see ``verify()``.
extension MethodProgram {
    private static let magic = Array("PEFTMTH1".utf8)

    package func encode() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(raw: Self.magic)
        for text in [method, peftType, version] { writer.write(text: text) }
        writer.write(count: isWithoutHead ? 1 : 0)
        writer.write(list: settings) { setting, writer in
            writer.write(text: setting.name)
            writer.write(text: setting.json)
        }
        writer.write(list: graphs) { graph, writer in graph.encode(into: &writer) }
        writer.write(list: tensors) { tensor, writer in writer.write(tensor) }
        writer.write(optional: initialize) { $1.write($0) }
        writer.write(optional: prelude) { $1.write(count: $0) }
        writer.write(list: sites) { site, writer in writer.write(site) }
        writer.write(optional: regularizer) { $1.write(count: $0) }
        writer.write(optional: update) { $1.write($0) }
        writer.write(optional: exportMap) { $1.write($0) }
        writer.write(optional: importMap) { map, writer in
            writer.write(list: map.names) { $1.write(text: $0) }
            writer.write(map.assignment)
        }
        return writer.bytes
    }

    /// - Throws: `ProgramError` where the bytes are not one whole, valid method within the limits.
    package static func decode(
        _ bytes: [UInt8], limits: MethodLimits = MethodLimits()
    ) throws(ProgramError) -> MethodProgram {
        guard bytes.count <= limits.bytes else {
            throw ProgramError("a coded method has \(bytes.count) bytes; at most \(limits.bytes)")
        }
        var reader = MethodReader(bytes: ByteReader(bytes), limits: limits)
        guard bytes.starts(with: magic) else {
            let isOtherForm = bytes.starts(with: magic.dropLast())
            throw ProgramError(
                isOtherForm
                    ? "it is written in a form that this version does not know; it needs a newer peft-host"
                    : "this is not a coded method")
        }
        _ = try reader.bytes.raw(magic.count)
        let program = try reader.program()
        try reader.bytes.finish()
        try program.verify()
        return program
    }
}

extension ByteWriter {
    fileprivate mutating func write<T>(list: [T], _ element: (T, inout ByteWriter) -> Void) {
        write(count: list.count)
        for value in list { element(value, &self) }
    }

    fileprivate mutating func write<T>(optional value: T?, _ element: (T, inout ByteWriter) -> Void) {
        write(count: value == nil ? 0 : 1)
        if let value { element(value, &self) }
    }

    fileprivate mutating func write(_ assignment: Assignment) {
        write(count: assignment.graph)
        write(list: assignment.targets) { $1.write(count: $0) }
    }

    fileprivate mutating func write(shape: [Int]) { write(list: shape) { $1.write(count: $0) } }

    fileprivate mutating func write(_ tensor: TensorDeclaration) {
        write(text: tensor.name)
        write(count: Int(tensor.type.dtype.rawValue))
        write(shape: tensor.type.shape.map(\.code))
        let (kind, a, b) = tensor.initializer.coded
        write(count: kind)
        write(double: a)
        write(double: b)
        let flags = [tensor.isBuffer, tensor.isFrozen, tensor.hasWeightDecay, tensor.isSidecar]
        write(count: flags.enumerated().reduce(0) { $0 | ($1.element ? 1 << $1.offset : 0) })
        write(double: tensor.learningRateMultiplier)
    }

    fileprivate mutating func write(_ program: SiteProgram) {
        let site = program.site
        write(count: site.kind.rawValue)
        write(count: site.role.rawValue)
        write(signed: site.layer)
        write(text: site.module)
        for size in [site.inputs, site.outputs, site.hasBias ? 1 : 0, site.headCount, site.keyHeadCount, site.headSize]
        {
            write(count: size)
        }
        write(shape: site.shape)
        write(list: program.tensors) { $1.write($0) }
        write(optional: program.initialize) { $1.write($0) }
        write(count: program.forward)
        switch program.merge {
        case .graph(let graph):
            write(count: 0)
            write(count: graph)
        case .refused(let reason):
            write(count: 1)
            write(text: reason)
        }
    }

    fileprivate mutating func write(_ map: ExportMap) {
        write(count: map.graph)
        write(list: map.tensors) { tensor, writer in
            writer.write(text: tensor.name)
            writer.write(count: tensor.output)
            writer.write(optional: tensor.mask) { mask, writer in
                writer.write(count: mask.output)
                writer.write(count: mask.axis)
            }
            writer.write(count: tensor.isSidecar ? 1 : 0)
        }
        write(list: map.fields) { field, writer in
            writer.write(text: field.path)
            switch field.source {
            case .fixed(let json):
                writer.write(count: 0)
                writer.write(text: json)
            case .omitted: writer.write(count: 1)
            case .output(let output, let asBoolean):
                writer.write(count: asBoolean ? 3 : 2)
                writer.write(count: output)
            }
        }
    }
}

extension Initializer {
    /// Its number in the plugin interface, and its two numbers.
    fileprivate var coded: (kind: Int, a: Double, b: Double) {
        switch self {
        case .zeros: (0, 0, 0)
        case .ones: (1, 0, 0)
        case .constant(let value): (2, value, 0)
        case .uniform(let low, let high): (3, low, high)
        case .normal(let mean, let deviation): (4, mean, deviation)
        case .kaimingUniform(let a): (5, a, 0)
        case .graph: (6, 0, 0)
        }
    }
}

private struct MethodReader {
    var bytes: ByteReader
    let limits: MethodLimits
    private static let largestSize = 1 << 34

    mutating func program() throws(ProgramError) -> MethodProgram {
        var program = MethodProgram(
            method: try name("the method's id"), peftType: try name("the peft_type"), version: try name("the version"),
            settings: [])
        program.isWithoutHead = try flag("whether there is a head")
        program.settings = try list(limits.entries, "settings") { reader throws(ProgramError) in
            MethodProgram.Setting(name: try reader.name("a setting"), json: try reader.text("a setting's value"))
        }
        var nodes = 0
        for _ in 0..<(try bytes.count(upTo: limits.graphs, "graphs")) {
            let graph = try Graph.decode(from: &bytes, limits: limits.graph)
            nodes += graph.nodes.count
            guard nodes <= limits.nodes else { throw bytes.error("the graphs have more than \(limits.nodes) nodes") }
            program.graphs.append(graph)
        }
        let graphs = program.graphs.count
        program.tensors = try tensors()
        program.initialize = try optional { reader throws(ProgramError) in try reader.assignment(graphs) }
        program.prelude = try optional { reader throws(ProgramError) in try reader.graph(of: graphs) }
        program.sites = try list(limits.sites, "sites") { reader throws(ProgramError) in try reader.site(graphs) }
        program.regularizer = try optional { reader throws(ProgramError) in try reader.graph(of: graphs) }
        program.update = try optional { reader throws(ProgramError) in try reader.assignment(graphs) }
        program.exportMap = try optional { reader throws(ProgramError) in try reader.exportMap(graphs) }
        program.importMap = try optional { reader throws(ProgramError) in
            let names = try reader.list(reader.limits.entries, "stored names") { reader throws(ProgramError) in
                try reader.name("a stored tensor")
            }
            return ImportMap(names: names, assignment: try reader.assignment(graphs))
        }
        return program
    }

    // MARK: Parts

    private mutating func name(_ what: String) throws(ProgramError) -> String { try bytes.text(upTo: 1024, what) }
    private mutating func text(_ what: String) throws(ProgramError) -> String {
        try bytes.text(upTo: limits.text, what)
    }
    private mutating func size(_ what: String) throws(ProgramError) -> Int {
        try bytes.index(upTo: Self.largestSize, what)
    }
    private mutating func flag(_ what: String) throws(ProgramError) -> Bool { try bytes.index(upTo: 1, what) == 1 }

    private mutating func list<T>(
        _ limit: Int, _ what: String, _ element: (inout MethodReader) throws(ProgramError) -> T
    ) throws(ProgramError) -> [T] {
        var result: [T] = []
        for _ in 0..<(try bytes.count(upTo: limit, what)) { result.append(try element(&self)) }
        return result
    }

    private mutating func optional<T>(
        _ element: (inout MethodReader) throws(ProgramError) -> T
    ) throws(ProgramError) -> T? {
        try flag("whether a part is there") ? try element(&self) : nil
    }

    private mutating func graph(of graphs: Int) throws(ProgramError) -> Int {
        guard graphs > 0 else { throw bytes.error("there is no graph") }
        return try bytes.index(upTo: graphs - 1, "a graph's number")
    }

    private mutating func assignment(_ graphs: Int) throws(ProgramError) -> Assignment {
        Assignment(
            graph: try graph(of: graphs),
            targets: try list(limits.entries, "targets") { reader throws(ProgramError) in try reader.size("a target") })
    }

    private mutating func shape() throws(ProgramError) -> [Int] {
        try list(ShapeRule.maximumRank, "axes") { reader throws(ProgramError) in try reader.size("an axis") }
    }

    private mutating func tensors() throws(ProgramError) -> [TensorDeclaration] {
        try list(limits.tensors, "tensors") { reader throws(ProgramError) in try reader.tensor() }
    }

    private mutating func tensor() throws(ProgramError) -> TensorDeclaration {
        let name = try name("a tensor's name")
        let dtype: DType = try flag("an element type") ? .i32 : .f32
        let type = TensorType(try shape().map { Dim($0) }, dtype)
        let kind = try bytes.index(upTo: 6, "an initializer")
        let (a, b) = (try bytes.double(), try bytes.double())
        let initializers: [Initializer] = [
            .zeros, .ones, .constant(a), .uniform(low: a, high: b), .normal(mean: a, deviation: b),
            .kaimingUniform(a: a),
            .graph,
        ]
        var tensor = TensorDeclaration(name, type, initializers[kind])
        let (_, usedA, usedB) = tensor.initializer.coded
        guard a.isFinite, b.isFinite, usedA.bitPattern == a.bitPattern, usedB.bitPattern == b.bitPattern else {
            throw bytes.error("an initializer with the numbers \(a), \(b)")
        }
        let flags = try bytes.index(upTo: 15, "a tensor's flags")
        (tensor.isBuffer, tensor.isFrozen) = (flags & 1 != 0, flags & 2 != 0)
        (tensor.hasWeightDecay, tensor.isSidecar) = (flags & 4 != 0, flags & 8 != 0)
        tensor.learningRateMultiplier = try bytes.double()
        return tensor
    }

    private mutating func site(_ graphs: Int) throws(ProgramError) -> SiteProgram {
        let kind = SiteKind(rawValue: try bytes.index(upTo: SiteKind.allCases.count - 1, "a site's kind"))
        let role = SiteRole(rawValue: try bytes.index(upTo: SiteRole.allCases.count - 1, "a site's role"))
        let layer = try bytes.signed()
        guard let kind, let role, (-1...1 << 20).contains(layer) else { throw bytes.error("a site in layer \(layer)") }
        let module = try name("a module's path")
        let (inputs, outputs) = (try size("a site's inputs"), try size("a site's outputs"))
        var site = SiteDescription(
            kind, role, layer: layer, module: module, inputs: inputs, outputs: outputs, hasBias: try flag("a bias"))
        site.headCount = try size("heads")
        site.keyHeadCount = try size("key heads")
        site.headSize = try size("a head's size")
        site.shape = try shape()
        let tensors = try tensors()
        let initialize = try optional { reader throws(ProgramError) in try reader.assignment(graphs) }
        let forward = try graph(of: graphs)
        let merge: SiteProgram.Merge =
            try flag("a merge rule") ? .refused(reason: try text("a reason")) : .graph(try graph(of: graphs))
        return SiteProgram(site: site, tensors: tensors, initialize: initialize, forward: forward, merge: merge)
    }

    private mutating func exportMap(_ graphs: Int) throws(ProgramError) -> ExportMap {
        let graph = try graph(of: graphs)
        let tensors = try list(limits.entries, "stored tensors") { reader throws(ProgramError) in
            let name = try reader.name("a stored tensor")
            let output = try reader.size("an output")
            let mask = try reader.optional { reader throws(ProgramError) in
                ExportMap.Mask(output: try reader.size("an output"), axis: try reader.size("an axis"))
            }
            return ExportMap.Tensor(name: name, output: output, mask: mask, isSidecar: try reader.flag("a place"))
        }
        let fields = try list(limits.entries, "fields") { reader throws(ProgramError) in
            let path = try reader.name("a field")
            let source: ExportMap.Field.Source
            switch try reader.bytes.index(upTo: 3, "a field's source") {
            case 0: source = .fixed(try reader.text("a field's value"))
            case 1: source = .omitted
            case let kind: source = .output(try reader.size("an output"), asBoolean: kind == 3)
            }
            return ExportMap.Field(path: path, source: source)
        }
        return ExportMap(graph: graph, tensors: tensors, fields: fields)
    }
}
