import Engine
import Formats
import Models
import Programs

/// The trained tensors of a recorded run under the names that they have in a torch model: those that they are stored by,
/// without the wrapper's prefix.
package struct TrainableState {
    private let table: TensorTable
    private let place: String

    /// - Returns: nil where the folder holds no `trainable_state.safetensors`.
    package init?(_ folder: String) throws {
        guard let table = try StoredAdapter.state(in: folder) else { return nil }
        self.table = table
        place = "\(folder)/\(Sidecar.stateName)"
    }

    /// Every name by which a plugin may ask whether a tensor is there.
    package var names: Set<String> {
        Set(table.flatMap { [$0.name, "base_model.\($0.name)", "base_model.model.\($0.name)"] })
    }

    /// The names that a tensor may have: its own, and that of the copy of a module of the base.
    private static func names(_ number: Int, _ model: AdaptedModel) -> [String] {
        let name = model.tensors.entries[number].name
        let parts = name.split(separator: ".")
        let copy = (parts.dropLast() + ["modules_to_save", "default"] + parts.suffix(1)).joined(separator: ".")
        if number == model.head { return [copy] }
        func bare(_ name: String) -> String {
            for prefix in ["base_model.model.", "base_model."] where name.hasPrefix(prefix) {
                return String(name.dropFirst(prefix.count))
            }
            return name
        }
        return [bare(name), bare(copy)]
    }

    /// The trained tensors that the file has, by their numbers, and the names that it has them by.
    private func held(by model: AdaptedModel) throws -> [(number: Int, name: String)] {
        let trained = model.tensors.entries.indices.filter { model.tensors.entries[$0].declaration.isTrained }
        let held = trained.compactMap { number in
            TrainableState.names(number, model).first { table[$0] != nil }.map { (number, $0) }
        }
        let known = Set(held.map(\.1))
        if let unknown = table.first(where: { !known.contains($0.name) }) {
            throw AdapterError("the method trains no tensor \(unknown.name)", place: place)
        }
        return held
    }

    /// Copies the values into the tensors of `model`.
    ///
    /// - Returns: the numbers of those that were there.
    package func load(into model: AdaptedModel) throws -> Set<Int> {
        let held = try held(by: model)
        for (number, name) in held {
            let stored = try table.weight(name, shape: model.tensors.entries[number].shape)
            model.tensors[number] = FrozenTensor(stored).values()
        }
        return Set(held.map(\.number))
    }

    /// The same tensors with the values that they have now.
    package func tensors(of model: AdaptedModel) throws -> [SafetensorsWriter.Tensor] {
        try held(by: model).map { number, name in
            .init(name, shape: model.tensors.entries[number].shape, .floats(model.tensors[number]))
        }
    }
}
