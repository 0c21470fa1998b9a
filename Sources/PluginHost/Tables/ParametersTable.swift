import CPeftPlugin
import Programs

/// `peft.parameters/1`
func parametersTable() -> peft_parameters_1 {
    var table = peft_parameters_1()
    table.struct_size = UInt32(MemoryLayout<peft_parameters_1>.size)
    table.parameter = { t, tensor in Trace.at(t)?.declare(tensor, isBuffer: false) ?? failedValue }
    table.buffer = { t, tensor in Trace.at(t)?.declare(tensor, isBuffer: true) ?? failedValue }
    table.site_count = { t in
        guard let trace = Trace.at(t), trace.isInMethod("site_count") else { return 0 }
        return Int64(trace.sites.count)
    }
    table.of_site = { t, index, name in Trace.at(t)?.tensor(ofSite: index, name) ?? failedValue }
    table.of_method = { t, name in Trace.at(t)?.tensorOfMethod(name) ?? failedValue }
    return table
}

extension Trace {
    /// The most elements of one parameter or buffer.
    private static let maximumCount = 1 << 34
    private static let maximumTensors = 4096

    fileprivate func isInMethod(_ name: String) -> Bool {
        guard error == nil else { return false }
        if case .method = phase { return true }
        fail("\(name): only in method")
        return false
    }

    fileprivate func declare(_ pointer: UnsafePointer<peft_tensor>?, isBuffer: Bool) -> peft_value {
        guard error == nil else { return failedValue }
        let name = isBuffer ? "buffer" : "parameter"
        do throws(PluginError) {
            let raw = try PluginMemory(place: plugin.id).read(peft_tensor.self, at: pointer, "peft_tensor")
            let declaration = try TensorReader(raw, isBuffer: isBuffer, place: plugin.id).declaration()
            switch phase {
            case .plan:
                try checkNew(declaration, among: tensors.ofMethod)
                tensors.ofMethod.append(declaration)
                tensors.planSpace = callbackSpace
                return issue(TraceTensors.Reference(site: nil, index: tensors.ofMethod.count - 1), space: callbackSpace)
            case .inject(let site):
                try checkNew(declaration, among: tensors.ofSites[site])
                tensors.ofSites[site].append(declaration)
                let reference = TraceTensors.Reference(site: site, index: tensors.ofSites[site].count - 1)
                return issue(reference, space: callbackSpace)
            default:
                fail("\(name): only plan and inject declare tensors")
            }
        } catch {
            fail("\(name): \(error.message)", code: error.code, remedy: error.remedy)
        }
        return failedValue
    }

    private func checkNew(_ tensor: TensorDeclaration, among others: [TensorDeclaration]) throws(PluginError) {
        guard !others.contains(where: { $0.name == tensor.name }) else {
            throw PluginError(.broken, "\"\(tensor.name)\" is declared twice", place: plugin.id)
        }
        guard others.count < Self.maximumTensors else {
            throw PluginError(.broken, "more than \(Self.maximumTensors) tensors at one site", place: plugin.id)
        }
    }

    fileprivate func tensor(ofSite index: Int64, _ pointer: UnsafePointer<CChar>?) -> peft_value {
        guard isInMethod("of_site"), let name = text(pointer, "of_site: the name") else { return failedValue }
        guard let site = Int(exactly: index), sites.indices.contains(site) else {
            fail("of_site: there is no site \(index) of \(sites.count)")
            return failedValue
        }
        guard let place = tensors.ofSites[site].firstIndex(where: { $0.name == name }) else {
            let names = tensors.ofSites[site].map(\.name)
            fail(
                "of_site: site \(sites[site].module) has no tensor \"\(name)\"",
                remedy: suggestion(for: name, among: names))
            return failedValue
        }
        return issue(TraceTensors.Reference(site: site, index: place), space: callbackSpace)
    }

    fileprivate func tensorOfMethod(_ pointer: UnsafePointer<CChar>?) -> peft_value {
        guard error == nil, let name = text(pointer, "of_method: the name") else { return failedValue }
        guard let place = tensors.ofMethod.firstIndex(where: { $0.name == name }) else {
            let names = tensors.ofMethod.map(\.name)
            fail("of_method: the method has no tensor \"\(name)\"", remedy: suggestion(for: name, among: names))
            return failedValue
        }
        return issue(TraceTensors.Reference(site: nil, index: place), space: callbackSpace)
    }

    /// A `peft_tensor`, checked.
    private struct TensorReader {
        let raw: peft_tensor
        let isBuffer: Bool
        let place: String
        let name: String

        init(_ raw: peft_tensor, isBuffer: Bool, place: String) throws(PluginError) {
            (self.raw, self.isBuffer, self.place) = (raw, isBuffer, place)
            name = try PluginMemory(place: place).string(raw.name, "peft_tensor.name")
        }

        private func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws(PluginError) {
            if !condition { throw PluginError(.broken, "\"\(name.prefix(80))\" \(message())", place: place) }
        }

        func declaration() throws(PluginError) -> TensorDeclaration {
            let isName = name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
                !part.isEmpty && part.utf8.allSatisfy { isNameByte($0) && $0 != UInt8(ascii: "+") }
            }
            try expect(isName && name.utf8.count <= 200, "is no name of letters, digits and '_' with dots between them")
            try expect(raw.reserved == 0 && raw.flags < 8, "uses flags that this host does not know")
            guard let dtype = UInt8(exactly: raw.dtype).flatMap(DType.init(rawValue:)) else {
                throw PluginError(.broken, "\"\(name)\" has the unknown element type \(raw.dtype)", place: place)
            }
            try expect(dtype == .f32 || isBuffer, "is a parameter, which must be f32")
            let multiplier = raw.learning_rate_multiplier
            try expect(multiplier >= 0 && multiplier.isFinite, "has the learning-rate multiplier \(multiplier)")
            var tensor = TensorDeclaration(name, TensorType(try shape(), dtype), try initializer(dtype))
            tensor.isBuffer = isBuffer
            tensor.hasWeightDecay = raw.flags & PEFT_TENSOR_NO_DECAY == 0
            tensor.isFrozen = raw.flags & PEFT_TENSOR_FROZEN != 0
            tensor.isSidecar = raw.flags & PEFT_TENSOR_SIDECAR != 0
            tensor.learningRateMultiplier = multiplier == 0 ? 1 : multiplier
            return tensor
        }

        private func shape() throws(PluginError) -> Shape {
            try expect((0...PEFT_MAX_RANK).contains(raw.rank), "has \(raw.rank) axes; at most \(PEFT_MAX_RANK)")
            try expect(raw.rank == 0 || raw.shape != nil, "has \(raw.rank) axes, but its shape is NULL")
            var count = 1
            let sizes = (0..<Int(raw.rank)).map { Int(raw.shape[$0]) }
            for size in sizes {
                try expect(size >= 0, "has the shape \(sizes); sizes must be fixed numbers")
                let (product, overflow) = count.multipliedReportingOverflow(by: size)
                try expect(
                    !overflow && max(product, size) <= maximumCount, "has the shape \(sizes), which is too large")
                count = product
            }
            return sizes.map { Dim($0) }
        }

        private func initializer(_ dtype: DType) throws(PluginError) -> Initializer {
            let (a, b) = (raw.init_a, raw.init_b)
            try expect(a.isFinite && b.isFinite, "has the initial values \(a), \(b)")
            let isRandom = (PEFT_INIT_UNIFORM...PEFT_INIT_KAIMING_UNIFORM).contains(raw.`init`)
            try expect(dtype == .f32 || !isRandom, "is i32, which cannot be initialised at random")
            switch raw.`init` {
            case PEFT_INIT_ZEROS: return .zeros
            case PEFT_INIT_ONES: return .ones
            case PEFT_INIT_CONSTANT:
                try expect(dtype == .f32 || Int32(exactly: a) != nil, "is i32, which cannot begin as \(a)")
                return .constant(a)
            case PEFT_INIT_UNIFORM:
                try expect(a <= b, "is uniform between \(a) and \(b)")
                return .uniform(low: a, high: b)
            case PEFT_INIT_NORMAL:
                try expect(b >= 0, "has the deviation \(b)")
                return .normal(mean: a, deviation: b)
            case PEFT_INIT_KAIMING_UNIFORM:
                try expect(raw.rank >= 2, "has \(raw.rank) axes; kaiming-uniform needs two or more")
                return .kaimingUniform(a: a)
            case PEFT_INIT_GRAPH: return .graph
            default:
                try expect(false, "has the unknown initializer \(raw.`init`)")
                return .zeros
            }
        }
    }
}
