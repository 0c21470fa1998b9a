import Models
import Programs

/// One tensor that a method finds in an adapter's file.
struct ExpectedTensor {
    var name: String
    var shape: [Int]
    /// The tensor of the method that it becomes, by its number; nil: an operand of the import graph.
    var number: Int?
    /// Needed to train only: beside the adapter, where it is at all.
    var isSidecar = false
    var dtype = DType.f32
}

extension MethodProgram {
    /// What an adapter's file must hold for this method, but for the head: what the import graph reads, and what it does not
    /// set under its default name; ``learnedBuffers`` beside it.
    var expectedTensors: [ExpectedTensor] {
        let isSet = Set(importMap?.assignment.targets ?? [])
        let read = (importMap?.names ?? []).enumerated().map { number, name in
            let leaf = graphs[importMap!.assignment.graph].nodes.first {
                $0.op == .argument && $0.attributes.integers[0] == number
            }
            return leaf.map { ExpectedTensor(name: name, shape: $0.type.shape.map(\.code), number: nil) }
        }
        let learned = learnedBuffers
        let plain = storedTensors.enumerated().filter { number, tensor in
            tensor.declaration.isBuffer ? learned.contains(number) : !isSet.contains(number)
        }.map {
            ExpectedTensor(
                name: $1.name, shape: $1.declaration.type.shape.map(\.code), number: $0,
                isSidecar: $1.declaration.isSidecar && !$1.declaration.isBuffer, dtype: $1.declaration.type.dtype)
        }
        return read.compactMap(\.self) + plain
    }

    /// The frozen tables of adapted embeddings and heads, which peft keeps beside the method's tensors.
    var tableCopies: [(name: String, table: String)] {
        let adapted = sites.filter { program in
            let site = program.site
            let isTable = site.kind == .embedding || site.kind == .linear && site.role == .head
            return isTable && !program.tensors.contains(where: site.isCopy)
        }
        return adapted.map {
            ("base_model.model.\($0.site.module).base_layer.weight", "\($0.site.module).weight")
        }
    }
}

extension [ExpectedTensor] {
    /// - Parameters:
    ///   - shape: of the stored tensor of that name; nil where there is none.
    ///   - place: the adapter's folder.
    /// - Throws: `AdapterError` where what is stored is not what is expected.
    func check(place: String, _ shape: (String) -> [Int]?) throws(AdapterError) {
        for tensor in self {
            guard let stored = shape(tensor.name) else {
                if tensor.isSidecar { continue }
                throw AdapterError("the method's tensor \(tensor.name) is not there", place: place)
            }
            guard stored == tensor.shape else {
                throw AdapterError(
                    "\(tensor.name) has the shape \(stored), and \(tensor.shape) in the method", place: place)
            }
        }
    }
}
