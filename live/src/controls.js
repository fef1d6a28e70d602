// The widget classes that the book uses; a page need not load the others.
export { BoxModel, BoxView, GridBoxModel, GridBoxView, HBoxModel, HBoxView, VBoxModel, VBoxView } from '@jupyter-widgets/controls/lib/widget_box';
export { ButtonModel, ButtonStyleModel, ButtonView } from '@jupyter-widgets/controls/lib/widget_button';
export { CheckboxModel, CheckboxStyleModel, CheckboxView, ToggleButtonModel, ToggleButtonStyleModel, ToggleButtonView } from '@jupyter-widgets/controls/lib/widget_bool';
export { DescriptionStyleModel } from '@jupyter-widgets/controls/lib/widget_description';
export {
  BoundedFloatTextModel, FloatLogSliderModel, FloatLogSliderView, FloatSliderModel, FloatTextModel, FloatTextView,
} from '@jupyter-widgets/controls/lib/widget_float';
export {
  BoundedIntTextModel, IntSliderModel, IntSliderView, IntTextModel, IntTextView, SliderStyleModel,
} from '@jupyter-widgets/controls/lib/widget_int';
export { DropdownModel, DropdownView, RadioButtonsModel, RadioButtonsView } from '@jupyter-widgets/controls/lib/widget_selection';
export {
  HTMLMathModel, HTMLMathStyleModel, HTMLMathView, HTMLStyleModel, LabelModel, LabelStyleModel, LabelView,
  StringModel, TextModel, TextStyleModel, TextView,
} from '@jupyter-widgets/controls/lib/widget_string';
export { FigureModel as HTMLModel, FigureView as HTMLView } from './figure.js';
export { NamedFloatSliderView as FloatSliderView } from './slider.js';
