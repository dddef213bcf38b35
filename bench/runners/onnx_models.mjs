// The models as ONNX files with weights drawn at random, written with the few messages of the format that they need (onnx.proto,
// opset 17). Images have their channels second.
import { createRequire } from 'node:module';
import { floats } from './inputs.mjs';

const protobuf = createRequire(import.meta.url)('protobufjs');

const { root } = protobuf.parse(`
syntax = "proto3";
message Model { int64 ir_version = 1; repeated Opset opset_import = 8; Graph graph = 7; }
message Opset { string domain = 1; int64 version = 2; }
message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5;
  repeated Value input = 11; repeated Value output = 12; }
message Node { repeated string input = 1; repeated string output = 2; string op_type = 4; repeated Attribute attribute = 5; }
message Attribute { string name = 1; float f = 2; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
message Tensor { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
message Value { string name = 1; Type type = 2; }
message Type { TensorType tensor_type = 1; }
message TensorType { int32 elem_type = 1; Shape shape = 2; }
message Shape { repeated Dim dim = 1; }
message Dim { int64 dim_value = 1; }
`);
const float = 1;
const attributeTypes = { i: 2, ints: 7 };
const count = (shape) => shape.reduce((all, n) => all * n, 1);

/** A graph under construction: methods add nodes and give the name of their result. */
class GraphBuilder {
  nodes = [];
  initializers = [];
  parameters = 0;

  add(type, input, attributes = {}) {
    const output = `v${this.nodes.length}`;
    const attribute = Object.entries(attributes).map(([name, value]) => {
      const field = Array.isArray(value) ? 'ints' : 'i';
      return { name, [field]: value, type: attributeTypes[field] };
    });
    this.nodes.push({ input, output: [output], opType: type, attribute });
    return output;
  }

  /** Weights: values in a range, or all the same. */
  constant(dims, values) {
    const data = typeof values === 'number' ? new Float32Array(count(dims)).fill(values) : values;
    const name = `w${this.initializers.length}`;
    this.initializers.push({ dims, dataType: float, name, rawData: Buffer.from(data.buffer) });
    return name;
  }

  parameter(dims, scale) {
    this.parameters += count(dims);
    const values = floats(dims, this.initializers.length).map((value) => scale * value);
    return this.constant(dims, values);
  }

  linear(x, inputs, outputs) {
    const w = this.parameter([outputs, inputs], 1 / Math.sqrt(inputs));
    return this.add('Gemm', [x, w, this.parameter([outputs], 0)], { transB: 1 });
  }

  conv(x, inputs, outputs, kernel, { stride = 1, padding = 0, bias = true } = {}) {
    const w = this.parameter([outputs, inputs, kernel, kernel], 1 / (kernel * Math.sqrt(inputs)));
    const attributes = {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
    };
    return this.add('Conv', [x, w, ...(bias ? [this.parameter([outputs], 0)] : [])], attributes);
  }

  norm(x, channels) {
    this.parameters += 2 * channels;
    const [scale, shift, mean, variance] = [1, 0, 0, 1].map((value) => this.constant([channels], value));
    return this.add('BatchNormalization', [x, scale, shift, mean, variance]);
  }

  pool(x, kernel, stride, padding = 0) {
    const pads = [padding, padding, padding, padding];
    return this.add('MaxPool', [x], { kernel_shape: [kernel, kernel], strides: [stride, stride], pads });
  }

  relu(x) {
    return this.add('Relu', [x]);
  }

  residual(x, inputs, outputs, stride) {
    const first = this.relu(
      this.norm(this.conv(x, inputs, outputs, 3, { stride, padding: 1, bias: false }), outputs),
    );
    const second = this.norm(this.conv(first, outputs, outputs, 3, { padding: 1, bias: false }), outputs);
    const shortcut =
      stride === 1 && inputs === outputs
        ? x
        : this.norm(this.conv(x, inputs, outputs, 1, { stride, bias: false }), outputs);
    return this.relu(this.add('Add', [second, shortcut]));
  }

  bytes(shape, output, classes) {
    const value = (name, dims) => ({
      name,
      type: { tensorType: { elemType: float, shape: { dim: dims.map((n) => ({ dimValue: n })) } } },
    });
    const Model = root.lookupType('Model');
    return Model.encode(
      Model.fromObject({
        irVersion: 8,
        opsetImport: [{ domain: '', version: 17 }],
        graph: {
          name: 'bench',
          node: this.nodes,
          initializer: this.initializers,
          input: [value('x', shape)],
          output: [value(output, [shape[0], classes])],
        },
      }),
    ).finish();
  }
}

const builders = {
  mlp(g, { sizes }) {
    return sizes
      .slice(1)
      .reduce((x, outputs, i) => g.linear(i === 0 ? x : g.relu(x), sizes[i], outputs), 'x');
  },
  lenet5(g) {
    let x = g.pool(g.relu(g.conv('x', 1, 6, 5, { padding: 2 })), 2, 2);
    x = g.add('Flatten', [g.pool(g.relu(g.conv(x, 6, 16, 5)), 2, 2)]);
    return g.linear(g.relu(g.linear(g.relu(g.linear(x, 400, 120)), 120, 84)), 84, 10);
  },
  resnet18(g, { classes }) {
    let x = g.relu(g.norm(g.conv('x', 3, 64, 7, { stride: 2, padding: 3, bias: false }), 64));
    x = g.pool(x, 3, 2, 1);
    const widths = [64, 64, 128, 256, 512];
    for (let i = 0; i < 4; i++) {
      x = g.residual(x, widths[i], widths[i + 1], i === 0 ? 1 : 2);
      x = g.residual(x, widths[i + 1], widths[i + 1], 1);
    }
    return g.linear(g.add('Flatten', [g.add('GlobalAveragePool', [x])]), 512, classes);
  },
};

/** Which models there are. */
export const onnxModels = Object.keys(builders);

/** The file of a model for inputs of a shape (`x`; channels second), its output's name, and the number of its parameters. */
export function onnxModel(spec, shape, classes) {
  const graph = new GraphBuilder();
  const output = builders[spec.type](graph, spec);
  return { bytes: graph.bytes(shape, output, classes), output, parameters: graph.parameters };
}
