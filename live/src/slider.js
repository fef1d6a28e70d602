// A slider that has a name for those who listen to the page, and no digits that nobody gave it.
import { FloatSliderView } from '@jupyter-widgets/controls/lib/widget_float';

export class NamedFloatSliderView extends FloatSliderView {
  render() {
    super.render();
    this.listenTo(this.model, 'change:description change:tooltip', this.#name);
    this.#name();
  }

  #name() {
    const name = this.model.get('tooltip') || this.model.get('description');
    for (const handle of this.el.querySelectorAll('.noUi-handle')) handle.setAttribute('aria-label', name);
  }

  // noUiSlider computes positions in per cent, so that -2 comes back as -1.9999999999999998.
  _validate_slide_value(value) {
    return Number(value.toFixed(10));
  }
}
